"""Class folders: cats/1.jpg, dogs/2.jpg, ..., with or without train, val and test above. The rules stand here alone.

With a folder `train` inside, `test` (or, without one, `val`) is the test set; with all three, `val` is the
validation set. Capitals do not matter. Without `train` the class folders stand on top. Hidden files and what macOS
leaves in archives are passed over.
"""

import bisect
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import numpy as np

from residual.data.image_file import SUFFIXES
from residual.data.images import SPLITS
from residual.data.names import assign_splits, find_split, order_classes
from residual.errors import DataError

Place = tuple[str, ...]  # the folders from the top down


class Tree(Protocol):
    """Folders of files, on a disk or in an archive."""

    def folders(self, place: Place) -> list[str]:
        """Names of the folders directly inside, without hidden ones."""
        ...

    def files(self, place: Place) -> Iterable[str]:
        """Whole names of all files below, sorted, without hidden ones."""
        ...

    def locate(self, place: Place) -> str:
        """How a person finds the folder."""
        ...


@dataclass(frozen=True)
class ClassTree:
    """What a tree holds, with the columns of a `Source`.

    Attributes:
        classes: names of the class folders of the training images.
        names: of the images, split by split and class by class.
        labels: int64 (n,).
        splits: uint8 (n,).
        passed_over: other files in the class folders.
        made_test: whether there is no folder of test images.
    """

    classes: tuple[str, ...]
    names: list[str]
    labels: np.ndarray
    splits: np.ndarray
    passed_over: tuple[str, ...]
    made_test: bool

    def columns(self) -> dict[str, Any]:
        """The arguments of a `Source`."""
        return {**vars(self), "hint": f"Allowed: {', '.join(SUFFIXES)} files."}


def list_classes(tree: Tree, sees_through: bool = False) -> ClassTree:
    """Classes, splits and images of a tree; nothing is opened.

    Args:
        tree: the folders.
        sees_through: whether a folder around everything is passed through.

    Raises:
        DataError: for fewer than two class folders, or a test class that the training images lack.
    """
    places = _find_splits(tree, _enter(tree) if sees_through else ())
    classes = _list_class_folders(tree, places["train"])
    names, labels, splits, passed_over = [], [], [], []
    for split in SPLITS:
        if split not in places:
            continue
        extra = set(tree.folders(places[split])) - set(classes)
        if extra:
            raise DataError(
                f"{tree.locate(places[split])} has classes that the training folder lacks: "
                f"{', '.join(order_classes(extra)[:8])}. Both need the same folders."
            )
        below = set(tree.folders(places[split]))
        for label, name in enumerate(classes):
            files = tree.files((*places[split], name)) if name in below else ()
            before = len(names)
            for file in files:
                (names if is_image_name(file) else passed_over).append(file)
            labels.append((label, len(names) - before))
            splits.append((SPLITS.index(split), len(names) - before))
    return ClassTree(
        classes,
        names,
        np.repeat(*np.array(labels, np.int64).T),
        np.repeat(*np.array(splits, np.int64).T).astype(np.uint8),
        tuple(passed_over),
        made_test="test" not in places,
    )


def is_image_name(name: str) -> bool:
    """Whether a file is an image by its ending."""
    return os.path.splitext(name)[1].lower() in SUFFIXES


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _enter(tree: Tree) -> Place:
    """The folder, or folders, around the class folders."""
    place: Place = ()
    while True:
        tops = tree.folders(place)
        if len(tops) != 1 or find_split(tops[0]) == "train" or not tree.folders((*place, tops[0])):
            return place
        place = (*place, tops[0])


def _find_splits(tree: Tree, top: Place) -> dict[str, Place]:
    """Where each split is; all is "train" if the class folders stand on top."""
    found: dict[str, Place] = {}
    for name in order_classes(tree.folders(top)):
        split = find_split(name)
        if split:
            found.setdefault(split, (*top, name))
    # "train" beside "bus" and "car" is a class, with images directly inside.
    if "train" not in found or (len(found) == 1 and not tree.folders(found["train"])):
        return {"train": top}
    return {used: found[split] for split, used in assign_splits(found).items()}


def _list_class_folders(tree: Tree, place: Place) -> tuple[str, ...]:
    names = tree.folders(place)
    if len(names) < 2:
        deeper = names and len(tree.folders((*place, names[0]))) > 1
        hint = f" Did you mean {tree.locate((*place, names[0]))}?" if deeper else ""
        raise DataError(
            f"{tree.locate(place)} needs at least two folders, one per class, with the images of the class inside; "
            f"it has {len(names)}{': ' + names[0] if names else ''}.{hint}"
        )
    return order_classes(names)


class FolderTree:
    """Folders on the disk.

    Its methods raise OSError for a folder that may not be listed, whose images would be missed.

    Args:
        top: the folder that names begin in.
    """

    def __init__(self, top: Path):
        self.top = top

    def folders(self, place: Place) -> list[str]:
        with os.scandir(self.locate(place)) as entries:
            return [entry.name for entry in entries if not _is_hidden(entry.name) and entry.is_dir()]

    def files(self, place: Place) -> list[str]:
        found: list[str] = []
        pending = [os.path.join("", *place)]
        while pending:
            place_name = pending.pop()
            with os.scandir(os.path.join(self.top, place_name)) as entries:
                for entry in entries:
                    if _is_hidden(entry.name):
                        continue
                    name = os.path.join(place_name, entry.name)
                    if entry.is_dir():
                        pending += [] if entry.is_symlink() else [name]  # a link may lead round for ever
                    elif entry.is_file():
                        found.append(name)
        return sorted(found, key=lambda name: name.split(os.sep))

    def locate(self, place: Place) -> str:
        return str(Path(self.top, *place))


def list_images(folder: Path) -> list[Path]:
    """Every image file below a folder, by its ending, sorted; hidden files and folders are passed over.

    Raises:
        OSError: for a folder that may not be listed.
    """
    return [folder / name for name in FolderTree(folder).files(()) if is_image_name(name)]


class NameTree:
    """Folders that are no more than names of files with "/" between.

    Args:
        names: of all files.
        where: what they lie in, for errors.
    """

    def __init__(self, names: Iterable[str], where: str):
        parts = ((PurePosixPath(name).parts, name) for name in names)
        self._files = sorted(file for file in parts if file[0] and not any(map(_is_hidden, file[0])))
        self._where = where

    def folders(self, place: Place) -> list[str]:
        depth = len(place)
        return list(dict.fromkeys(parts[depth] for parts, _ in self._below(place) if len(parts) > depth + 1))

    def files(self, place: Place) -> list[str]:
        return [name for _, name in self._below(place)]

    def locate(self, place: Place) -> str:
        return self._where

    def _below(self, place: Place) -> list[tuple[Place, str]]:
        start = bisect.bisect_left(self._files, (place, ""))
        end = bisect.bisect_right(self._files, place, start, key=lambda file: file[0][: len(place)])
        return self._files[start:end]
