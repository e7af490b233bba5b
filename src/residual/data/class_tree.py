"""Class folders: cats/1.jpg, dogs/2.jpg, ..., with train, validation and test above, below, or not at all.

The rules stand here alone, for folders on a disk, in a zip and in a tar. What can be read in one way is read, and a
note says how; what can be read in two ways is refused, and the message names the option that decides.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from residual.data.folders import Folder, Listing
from residual.data.formats import SUFFIXES, find_unread, get_suffix
from residual.data.images import SPLITS
from residual.data.label_tables import find_labels, find_other_labels, label_of_name
from residual.data.other_tasks import check_roles, explain_task
from residual.data.passed_over import NO_CLASS, NO_LABEL, PassedOver
from residual.data.split_folders import find_splits
from residual.data.split_lists import find_split_lists
from residual.data.words import is_neutral, match_class, order_classes, parse_split, split_words
from residual.errors import DataError

_PACKED = (
    ".zip",
    ".tar",
    ".gz",
    ".tgz",
    ".npz",
    ".h5",
    ".hdf5",
    ".parquet",
    ".mat",
)  # may be data themselves
WAYS = ("folder", "parent", "name")
OPTIONS = frozenset(("label", "white", "decode", *SPLITS))

Classes = dict[str, list[str]]  # class -> whole names of its images


@dataclass
class ClassTree:
    """What a listing holds, with the columns of a `Source`.

    Attributes:
        classes: names of the classes of the training images.
        images: for each split that there is, the images of each class.
        notes: how what was not obvious was read.
        passed_over: what is not read.
    """

    classes: tuple[str, ...]
    images: dict[str, Classes]
    notes: list[str] = field(default_factory=list)
    passed_over: tuple[PassedOver, ...] = ()

    def columns(self) -> dict[str, Any]:
        """The arguments of a `Source`."""
        names, labels, splits = [], [], []
        for split in (split for split in SPLITS if split in self.images):
            for label, name in enumerate(self.classes):
                images = self.images[split].get(name, ())
                names += images
                labels.append((label, len(images)))
                splits.append((SPLITS.index(split), len(images)))
        return {
            "classes": self.classes,
            "names": names,
            "labels": np.repeat(*np.array(labels, np.int64).T),
            "splits": np.repeat(*np.array(splits, np.int64).T).astype(np.uint8),
            "notes": tuple(self.notes),
            "passed_over": self.passed_over,
            "hint": f"Allowed: {', '.join(SUFFIXES)} files.",
        }


def list_classes(listing: Listing, options: Mapping[str, str] | None = None) -> ClassTree:
    """Classes, splits and images of a listing.

    Args:
        listing: all files.
        options: "label" says what the class of an image is: the name of the "folder" just below the top or the split
            (usual), of the "parent" folder of the file, or what the file's "name" begins with. "train", "validation"
            and "test" name the folder of a split.

    Raises:
        DataError: if there are fewer than two classes, a split has a class that the training images lack, or what is
            meant is not obvious.
    """
    options = options or {}
    way = options.get("label", "")
    if way and way not in WAYS:
        raise DataError(f"{listing.where}: label must be {', '.join(WAYS[:-1])} or {WAYS[-1]}; got {way!r}.")
    places = find_splits(listing, options)
    tree = ClassTree((), {}, list(places.notes))
    if places.by_class:
        tree.images = {
            split: {name: _join_images(listing, folders) for name, folders in classes.items()}
            for split, classes in places.by_class.items()
        }
        tree.classes = order_classes(tree.images["train"])
    else:
        tree.images["train"] = _list_training(listing, places.folders["train"], way, tree.notes)
        tree.classes = order_classes(tree.images["train"])
        for split, folder in places.folders.items():
            if split != "train":
                _add_split(listing, tree, split, folder, way)
        if set(places.folders) == {"train"}:
            _read_lists(listing, tree)
    _note_missing(listing, tree, places.folders)
    tree.passed_over = _list_passed_over(listing, tree.images)
    return tree


def _join_images(listing: Listing, folders: Iterable[Folder]) -> list[str]:
    return [name for folder in folders for name in listing.list_images(folder)]


def _list_training(listing: Listing, place: Folder, way: str, notes: list[str]) -> Classes:
    classes = _list_place(listing, place, way)
    if not way:
        _check_empty(listing, place)
    if len(classes) < 2:
        raise DataError(_explain_too_few(listing, place, classes))
    if not way:
        task = check_roles(listing, place)
        if task:
            raise DataError(task)
        _check_same_folders(listing, place)
        _note_deeper(place, notes)
    return classes


def _list_place(listing: Listing, place: Folder, way: str) -> Classes:
    """The images of each class at one place; {} if they have none."""
    if way == "name":
        return _group(listing.list_images(place), label_of_name)
    if way == "parent":
        parents = ((folder.name, folder) for folder in place.walk() if folder.images)
        found: dict[str, list[str]] = defaultdict(list)
        for name, folder in parents:
            found[name] += [listing.join(folder, image) for image in folder.images]
        return {name: sorted(images) for name, images in found.items()}
    return {name: listing.list_images(folder) for name, folder in place.with_images().items()}


def _group(names: Iterable[str], label_of) -> Classes:
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        found[label_of(name)].append(name)
    return dict(found)


def _add_split(listing: Listing, tree: ClassTree, split: str, folder: Folder, way: str) -> None:
    """The images of a validation or test folder, under the names that the training classes have."""
    where = listing.locate(folder)
    found = _list_place(listing, folder, way)
    table = ""
    if not way and not any(match_class(name, tree.classes) for name in found):
        labelled = find_labels(listing, folder, tree.classes)
        if labelled is not None:
            found, table = labelled
            tree.notes.append(f"the labels of {where} are those in {table}")
        elif not folder.count:
            raise DataError(f"{where} has no {split} images, only a place for them. Fill it or remove it.")
        elif all(map(_is_no_class, found)):
            tree.notes.append(
                f"{where} has no class folders: its {folder.count:,} images have no label and are passed over"
            )
            return
    named = {name: match_class(name, tree.classes) for name in found}
    extra = order_classes(name for name, known in named.items() if known is None)
    if extra:
        raise DataError(
            f"{where} has classes that the training folder lacks: {', '.join(extra[:8])}. Both need the same "
            "folders: add the training images, or remove these."
        )
    tree.images[split] = {}
    for name, images in found.items():
        tree.images[split].setdefault(named[name] or name, []).extend(images)


def _read_lists(listing: Listing, tree: ClassTree) -> None:
    """Take the splits from lists beside the class folders, if no folder says them."""
    found = find_split_lists(listing, tree.images["train"])
    if found is not None:
        tree.images, note = found
        tree.notes.append(note)
        return
    images = [name for names in tree.images["train"].values() for name in names]
    table = find_other_labels(listing, images)
    if table is not None:
        first = "unpack the archive and name it" if os.path.isfile(listing.where) else "name it"
        tree.notes.append(
            f"{table} names the images too; {first} as the data to use its labels and not the folders"
        )


def _is_no_class(name: str) -> bool:
    """Whether a folder of test images is called as no class is: "images", "test", "unknown"."""
    return bool(parse_split(name)[0]) or all(is_neutral(word) for word in split_words(name))


def _note_missing(listing: Listing, tree: ClassTree, folders: Mapping[str, Folder]) -> None:
    for split, images in tree.images.items():
        missing = [name for name in tree.classes if not images.get(name)]
        if missing and split != "train":
            where = listing.locate(folders[split]) if split in folders else listing.where
            tree.notes.append(f"{where} has no {split} images of {_join(missing)}")


def _list_passed_over(listing: Listing, images: dict[str, Classes]) -> tuple[PassedOver, ...]:
    """Everything below the top that no split has taken."""
    taken = sum(len(names) for classes in images.values() for names in classes.values())
    left: list[PassedOver] = []
    if taken < listing.top.count:
        used = {name for classes in images.values() for names in classes.values() for name in names}
        for folder in listing.top.walk():
            reason = NO_CLASS if folder.folders or not folder.path else NO_LABEL
            names = (listing.join(folder, name) for name in folder.images)
            left += [PassedOver(name, reason) for name in names if name not in used]
    return (*sorted(left), *sorted(listing.list_others(listing.top.walk())), *listing.passed_over)


def _check_empty(listing: Listing, place: Folder) -> None:
    """DataError if a folder beside the classes is empty, or holds images that cannot be read here."""
    for name, folder in sorted(place.folders.items()):
        if folder.count:
            continue
        others = [other for inner in folder.walk() for other in inner.others]
        unread = next((other for other in others if get_suffix(other) in find_unread()), None)
        if unread:
            suffix = get_suffix(unread)
            raise DataError(
                f"{listing.locate(folder)} has no image that can be read, but {suffix} files: "
                f"{find_unread()[suffix]}."
            )
        if not others:
            raise DataError(
                f"{listing.where} has no training images for {name}: {listing.locate(folder)} is empty. "
                "Put images in it, or remove it."
            )


def _check_same_folders(listing: Listing, place: Folder) -> None:
    """DataError if what would be classes hold the same folders: then the classes are those."""
    tops = place.with_images()
    inner = {name: frozenset(folder.with_images()) for name, folder in tops.items() if not folder.images}
    held = list(inner.values())
    shared = frozenset.intersection(*held) if held else frozenset()
    if len(inner) < 2 or len(inner) < len(tops) or len(shared) < 2:
        return
    first, second, *_ = sorted(tops)
    where = listing.where
    raise DataError(
        f"{listing.locate(place)} is not obvious: {_join(sorted(tops))} hold the same folders, "
        f"{_join(sorted(shared))}. "
        f"{where}::train={first},test={second} takes them for training and test images, "
        f"{where}::label=parent takes the "
        f"inner folders for the classes and all images together, {where}::label=folder the outer ones."
    )


def _note_deeper(place: Folder, notes: list[str]) -> None:
    for name, folder in sorted(place.with_images().items()):
        inner = sorted(folder.with_images())
        if len(inner) > 1:
            notes.append(
                f"class {name} has the images of its folders {_join(inner)}; ::label=parent makes each a "
                "class"
            )


def _explain_too_few(listing: Listing, place: Folder, classes: Classes) -> str:
    task = explain_task(listing, place)
    if task:
        return task
    names = sorted(place.with_images())
    says = (
        f"{listing.locate(place)} needs at least two folders, one per class, with the images of the class "
        f"inside; it has {len(names)}{': ' + names[0] if names else ''}."
    )
    loose = _group(listing.list_images(place), label_of_name)
    if place.count > 1 and 1 < len(loose) <= max(2, place.count // 2) and "" not in loose:
        says += (
            f" The names of its images begin with {_join(order_classes(loose))}: {listing.where}::label=name "
            "takes these for the classes."
        )
    tables = [name for name in listing.top.others if name.lower().endswith((".csv", ".tsv", ".jsonl"))]
    packed = [name for name in listing.top.others if get_suffix(name) in _PACKED]
    if packed and not place.count:
        says += f" It holds {_join(packed)}: name that as the data."
    if tables:
        is_packed = os.path.isfile(listing.where)
        first = f"unpack {os.path.basename(listing.where)} and " if is_packed else ""
        says += f" If {tables[0]} says which image has which label, {first}name it as the data."
    return says


def _join(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""
    return (
        ", ".join(listed[:5]) + more
        if more or len(listed) < 2
        else f"{', '.join(listed[:-1])} and {listed[-1]}"
    )
