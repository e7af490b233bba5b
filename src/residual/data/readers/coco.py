"""COCO's JSON where it says one category for each image: annotations/train.json beside train/."""

import os
from pathlib import Path

import numpy as np

from residual.data.coco_file import is_coco, read_coco
from residual.data.folders import has_class_folders
from residual.data.images import SPLITS
from residual.data.location import Location
from residual.data.passed_over import NO_LABEL, PassedOver
from residual.data.source import FileSource
from residual.data.table_images import find_images, read_image_file
from residual.data.words import order_classes, parse_split
from residual.errors import DataError

_FOLDERS = ("annotations", "annotation", "labels")


class CocoReader:
    """Reads a JSON of COCO's layout, with those of the other splits beside it, or a folder that holds one.

    Every image that has annotations must be of one category; object detection is refused.
    """

    name = "coco"
    label = "a JSON of images and categories"
    suffixes: tuple[str, ...] = (".json",)
    options: frozenset[str] = frozenset(("white",))

    def matches(self, location: Location) -> bool:
        """By the beginning of the file; a folder by such files in it, if it has no class folders."""
        if location.is_folder():
            return bool(_find_files(location.file)) and not has_class_folders(location.file)
        return location.is_file(*self.suffixes) and is_coco(location.file)

    def open(self, location: Location) -> FileSource:
        """The images of all splits.

        Raises:
            DataError: if a file is damaged, or an image is of several categories.
        """
        path = location.file
        parts = _find_files(path) if path.is_dir() else _find_partners(path)
        if "train" not in parts:
            held = ", ".join(str(file) for file in parts.values())
            raise DataError(f"{path} has no training images: {held} is for another split. Name it itself.")
        names, labels, splits, files, left, notes = [], [], [], [], [], []
        for split, file in parts.items():
            found = read_coco(file)
            anchor = _find_anchor(file, found.names[0])
            paths = find_images(anchor, found.names, split)
            files += [(anchor, name) for name in paths]
            names += [_name(path, anchor, name) for name in paths]
            labels += found.labels
            splits += [SPLITS.index(split)] * len(paths)
            left += [PassedOver(name, NO_LABEL) for name in found.unlabelled]
            if found.has_boxes:
                notes.append(f"{file.name} has boxes or outlines: they are not used, the whole image is")
        listed = ", ".join(os.path.relpath(file, _top(path)) for file in parts.values())
        classes = order_classes(labels)
        index = {name: i for i, name in enumerate(classes)}
        return FileSource(
            name=path.stem if path.is_file() else path.resolve().name,
            layout=self.label,
            where=str(path),
            classes=classes,
            names=names,
            labels=np.array([index[label] for label in labels], np.int64),
            splits=np.array(splits, np.uint8),
            notes=(f"the labels are those in {listed}", *notes),
            passed_over=tuple(left),
            opener=lambda i: read_image_file(*files[i]),
        )


def _top(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _name(path: Path, anchor: Path, name: str) -> str:
    """What a person finds an image by: its path from the folder that was named."""
    return name if os.path.isabs(name) else os.path.relpath(anchor.parent / name, _top(path))


def _list_json(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.glob("*.json")) if file.is_file() and is_coco(file)]


def _find_files(folder: Path) -> dict[str, Path]:
    """{split: file} in a folder, in its folder of annotations, or in its folders of splits."""
    for place in (folder, *(folder / name for name in _FOLDERS)):
        found = _sort_by_split(_list_json(place)) if place.is_dir() else {}
        if found:
            return found
    below = {}
    for inner in sorted(folder.iterdir()):
        split = parse_split(inner.name)[0] if inner.is_dir() else None
        held = _list_json(inner) if split else []
        if split and len(held) == 1:
            below.setdefault(split, held[0])
    return {split: below[split] for split in SPLITS if split in below}


def _sort_by_split(files: list[Path]) -> dict[str, Path]:
    """The file of each split by its name; the only file is for training. The usual name comes first: instances."""
    files = sorted(files, key=lambda file: (not file.stem.startswith("instances"), file.name))
    if len(files) == 1:
        return {"train": files[0]}
    found: dict[str, Path] = {}
    for file in files:
        split, _ = parse_split(file.stem)
        if split:
            found.setdefault(split, file)
    return {split: found[split] for split in SPLITS if split in found}


def _find_partners(path: Path) -> dict[str, Path]:
    """A file, and if it is for training those of the other splits whose names differ by the split alone."""
    split, rest = parse_split(path.stem)
    found = {"train": path}
    for file in _list_json(path.parent) if split == "train" else ():
        other, words = parse_split(file.stem)
        if other and words == rest:
            found.setdefault(other, file)
    return {split: found[split] for split in SPLITS if split in found}


def _find_anchor(path: Path, name: str) -> Path:
    """The file from whose folder the images are looked for: above a folder of annotations if not beside it."""
    beside = path.parent / name.replace("\\", "/")
    try:
        is_beside = beside.exists()
    except (OSError, ValueError):
        is_beside = False
    return path if is_beside or path.parent.name.lower() not in _FOLDERS else path.parent.parent / path.name
