"""A pair of image and label arrays anywhere in an HDF5 or .npz file: found, or named by the user."""

from pathlib import Path

import numpy as np

from residual.data import hdf5, tables
from residual.data.arrays import Arrays
from residual.errors import DataError

Kind = tuple[np.dtype, tuple[int, ...]]
ROLES = ("images", "labels", "test_images", "test_labels", "classes")


def read_arrays(path: Path, asked: dict[str, str] | None = None) -> list[Arrays]:
    """[all] or [train, test] arrays of a file.

    Args:
        path: .h5, .hdf5 or .npz.
        asked: names of arrays by role: "images" and "labels", for test images of their own "test_images" and
            "test_labels", for names of the classes "classes". Arrays in groups of an HDF5 file are
            "group/array". None takes the only pair in the file that looks like images and labels.

    Raises:
        DataError: when an array is missing, or what is meant is not obvious; the message lists what there is.
    """
    held = _held(path)
    names = _checked(path, asked, held) if asked else _usual(held) or _only_pair(path, held)
    arrays = _read(path, list(names.values()))
    classes = (
        tuple(_text(value) for value in np.ravel(arrays[names["classes"]])) if "classes" in names else ()
    )
    parts = [("images", "labels"), ("test_images", "test_labels")]
    return [
        Arrays(arrays[names[x]], arrays[names[y]], f"{path} ({names[x]})", classes)
        for x, y in parts
        if x in names
    ]


def _held(path: Path) -> dict[str, Kind]:
    """Type and shape of every array in the file."""
    if path.suffix.lower() == ".npz":
        return {name: (array.dtype, array.shape) for name, array in tables.read_npz(path).items()}
    import h5py

    held: dict[str, Kind] = {}

    def note(name, item):
        if isinstance(item, h5py.Dataset) and item.shape is not None:
            held[name] = (item.dtype, item.shape)

    with hdf5.opened(path) as file:
        file.visititems(note)
    return held


def _read(path: Path, names: list[str]) -> dict[str, np.ndarray]:
    if path.suffix.lower() == ".npz":
        arrays = tables.read_npz(path)
        return {name: arrays[name] for name in names}
    with hdf5.opened(path) as file:
        return {name: np.asarray(file[name]) for name in names}


def _checked(path: Path, names: dict[str, str], held: dict[str, Kind]) -> dict[str, str]:
    unknown = sorted(set(names) - set(ROLES))
    if unknown:
        raise DataError(f"{path}: {unknown[0]} must be one of {', '.join(ROLES)}.")
    lacking = [role for role in ("images", "labels") if role not in names]
    if ("test_images" in names) != ("test_labels" in names):
        lacking += [role for role in ("test_images", "test_labels") if role not in names]
    if lacking:
        raise DataError(f"{path}: say also which array has the {lacking[0]}: {lacking[0]}=NAME.")
    missing = [name for name in names.values() if name not in held]
    if missing:
        raise DataError(f"{path} has no array {missing[0]}; it holds {_listed(held)}.")
    return names


def _are_images(dtype: np.dtype, shape: tuple[int, ...]) -> bool:
    return dtype == np.uint8 and (len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3, 4)))


def _are_labels(dtype: np.dtype, shape: tuple[int, ...]) -> bool:
    return dtype.kind in "iu" and 1 <= len(shape) <= 2 and max(shape, default=0) == np.prod(shape)


def _usual(held: dict[str, Kind]) -> dict[str, str]:
    """The arrays that `tables.load_npz` takes, or {}."""
    named = {"classes": "classes"} if "classes" in held else {}
    if {"x_train", "y_train", "x_test", "y_test"} <= set(held):
        tests = {"test_images": "x_test", "test_labels": "y_test"}
        return {"images": "x_train", "labels": "y_train", **tests, **named}
    return {"images": "x", "labels": "y", **named} if {"x", "y"} <= set(held) else {}


def _only_pair(path: Path, held: dict[str, Kind]) -> dict[str, str]:
    images = [name for name, kind in held.items() if _are_images(*kind)]
    count = held[images[0]][1][0] if len(images) == 1 else None
    labels = [name for name, kind in held.items() if _are_labels(*kind) and np.prod(kind[1]) == count]
    if len(images) != 1 or len(labels) != 1:
        raise DataError(
            f"{path} holds {_listed(held)}: which are the images and which their labels is not obvious. "
            f"Name them: {path}::images=NAME,labels=NAME (and test_images, test_labels, classes)."
        )
    return {"images": images[0], "labels": labels[0]}


def _listed(held: dict[str, Kind]) -> str:
    names = sorted(map(_text, held))  # h5py gives those that are no UTF-8 as bytes
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "") or "nothing"


def _text(value) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
