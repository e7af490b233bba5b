"""Which arrays of a file are the images and which their labels: found, or named by the user."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from residual.data.arrays import Arrays
from residual.errors import DataError

Kind = tuple[np.dtype, tuple[int, ...]]
ROLES = ("images", "labels", "test_images", "test_labels", "classes")


def choose_arrays(
    path: Path,
    asked: dict[str, str],
    held: dict[str, Kind],
    read: Callable[[list[str]], dict[str, np.ndarray]],
) -> list[Arrays]:
    """[all] or [train, test] arrays of a file.

    Args:
        path: the file, for errors.
        asked: names of arrays by role: "images" and "labels", for test images of their own "test_images" and
            "test_labels", for names of the classes "classes". {} takes x_train, y_train, x_test and y_test, or x
            and y, or the only pair in the file that looks like images and labels.
        held: type and shape of every array in the file.
        read: gives arrays by their names.

    Raises:
        DataError: if an array is missing, or what is meant is not obvious; the message lists what there is.
    """
    usual = {} if asked else _find_usual(held)
    names = usual or (_check_asked(path, asked, held) if asked else _find_only_pair(path, held))
    arrays = read(list(names.values()))
    classes = (
        tuple(_to_text(value) for value in np.ravel(arrays[names["classes"]])) if "classes" in names else ()
    )
    return [
        Arrays(arrays[names[x]], arrays[names[y]], str(path) if usual else f"{path} ({names[x]})", classes)
        for x, y in (("images", "labels"), ("test_images", "test_labels"))
        if x in names
    ]


def _check_asked(path: Path, names: dict[str, str], held: dict[str, Kind]) -> dict[str, str]:
    lacking = [role for role in ("images", "labels") if role not in names]
    if ("test_images" in names) != ("test_labels" in names):
        lacking += [role for role in ("test_images", "test_labels") if role not in names]
    if lacking:
        raise DataError(f"{path}: say also which array has the {lacking[0]}: {lacking[0]}=NAME.")
    missing = [name for name in names.values() if name not in held]
    if missing:
        raise DataError(f"{path} has no array {missing[0]}; it holds {_join(held)}.")
    return names


def _are_images(dtype: np.dtype, shape: tuple[int, ...]) -> bool:
    return dtype == np.uint8 and (len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3, 4)))


def _are_labels(dtype: np.dtype, shape: tuple[int, ...]) -> bool:
    return dtype.kind in "iu" and 1 <= len(shape) <= 2 and max(shape, default=0) == np.prod(shape)


def _find_usual(held: dict[str, Kind]) -> dict[str, str]:
    """The arrays that go without saying, or {}."""
    named = {"classes": "classes"} if "classes" in held else {}
    if {"x_train", "y_train", "x_test", "y_test"} <= set(held):
        tests = {"test_images": "x_test", "test_labels": "y_test"}
        return {"images": "x_train", "labels": "y_train", **tests, **named}
    return {"images": "x", "labels": "y", **named} if {"x", "y"} <= set(held) else {}


def _find_only_pair(path: Path, held: dict[str, Kind]) -> dict[str, str]:
    images = [name for name, kind in held.items() if _are_images(*kind)]
    count = held[images[0]][1][0] if len(images) == 1 else None
    labels = [name for name, kind in held.items() if _are_labels(*kind) and np.prod(kind[1]) == count]
    if len(images) != 1 or len(labels) != 1:
        raise DataError(
            f"{path} holds {_join(held)}: which are the images and which their labels is not obvious. "
            f"Name them: {path}::images=NAME,labels=NAME (and test_images, test_labels, classes)."
        )
    return {"images": images[0], "labels": labels[0]}


def _join(held: dict[str, Kind]) -> str:
    names = sorted(map(_to_text, held))  # h5py gives those that are no UTF-8 as bytes
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "") or "nothing"


def _to_text(value) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
