"""COCO's JSON (images, annotations, categories) as one category for each image, if it says so."""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from residual._text import format_bytes
from residual.errors import DataError

_MOST = 256 * 2**20  # bytes: as Python's objects a JSON takes ten times as much
_HEAD = 2**16
_KEYS = ('"images"', '"annotations"', '"categories"')
_NO_CLASSIFIER = (
    "A classifier needs one class for each image: sort the images into one folder per class, or write a table of "
    "path and label."
)


@dataclass(frozen=True)
class LabelledFiles:
    """What one file says.

    Attributes:
        names: of the image files that have a category.
        labels: the category of each.
        unlabelled: names of image files without one.
        has_boxes: whether the annotations say where on the image something is.
    """

    names: list[str]
    labels: list[str]
    unlabelled: list[str]
    has_boxes: bool


def is_coco(path: Path) -> bool:
    """Whether a .json looks like COCO's, by its beginning."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD).decode("utf-8-sig", "replace").lstrip()
    except OSError:
        return False
    return head.startswith("{") and any(key in head for key in _KEYS)


def read_coco(path: Path) -> LabelledFiles:
    """The category of each image.

    Raises:
        DataError: if it is not readable, or an image is of several categories: then it is for object detection.
    """
    held = _read(path)
    categories = _index(path, held, "categories", "name")
    files = _index(path, held, "images", "file_name")
    found: dict[Any, set[str]] = defaultdict(set)
    has_boxes = False
    for row in _list(path, held, "annotations"):
        found[_get(path, row, "annotations", "image_id")].add(_name(path, row, categories))
        has_boxes = has_boxes or bool(row.get("bbox") or row.get("segmentation"))
    if not found:  # each image says its own
        for row in _list(path, held, "images"):
            if isinstance(row, dict) and "category_id" in row:
                found[row.get("id")].add(_name(path, row, categories))
    several = [(files[image], names) for image, names in found.items() if image in files and len(names) > 1]
    if several:
        name, names = several[0]
        raise DataError(
            f"{path} is for object detection: {len(several):,} of {len(files):,} images are of several categories "
            f"({name}: {', '.join(sorted(names)[:4])}). {_NO_CLASSIFIER}"
        )
    labelled = [image for image in files if found.get(image)]
    if not labelled:
        raise DataError(f"{path} names no category of an image. {_NO_CLASSIFIER}")
    return LabelledFiles(
        [files[image] for image in labelled],
        [next(iter(found[image])) for image in labelled],
        [name for image, name in files.items() if not found.get(image)],
        has_boxes,
    )


def _read(path: Path) -> dict:
    size = path.stat().st_size
    if size > _MOST:
        raise DataError(
            f"{path} has {format_bytes(size)}, more than a JSON of labels may have: {format_bytes(_MOST)}. "
            "Write a table of path and label."
        )
    try:
        held = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise DataError(f"{path} is not JSON that can be read. Copy or download it again.") from None
    if not isinstance(held, dict):
        raise DataError(f"{path} must hold an object with images, annotations and categories.")
    return held


def _list(path: Path, held: dict, key: str) -> list:
    rows = held.get(key, [])
    if not isinstance(rows, list):
        raise DataError(f"{path}: {key} must be a list; got {type(rows).__name__}.")
    return rows


def _index(path: Path, held: dict, key: str, value: str) -> dict[Any, str]:
    """{id: text} of the entries in a list."""
    return {
        _get(path, row, key, "id"): str(_get(path, row, key, value)).strip() for row in _list(path, held, key)
    }


def _get(path: Path, row: Any, key: str, name: str) -> Any:
    value = row.get(name) if isinstance(row, dict) else None
    if not isinstance(value, int | str):
        raise DataError(f"{path}: an entry of {key} has no {name}: {str(row)[:80]}")
    return value


def _name(path: Path, row: Any, categories: dict[Any, str]) -> str:
    category = _get(path, row, "annotations", "category_id")
    if category not in categories:
        raise DataError(f"{path}: category {category!r} has no name among the categories.")
    return categories[category]
