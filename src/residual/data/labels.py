"""Labels as files have them (whole numbers, whole floats, booleans, text, one-hot rows) as indices and class names."""

import re
from collections.abc import Iterable, Sequence

import numpy as np

from residual.data.words import order_classes
from residual.errors import DataError

_FRACTION = re.compile(r"-?\d+\.\d+")
_MOST_FRACTIONS = 20
_WHOLE_FLOAT = re.compile(r"\d+\.0+")
MOST_LABEL = 100_000  # a stray label of 2**60 is damage, not a class


def flatten_labels(y: np.ndarray, count: int, where: str) -> np.ndarray:
    """Labels (n,) of whole numbers or text.

    Args:
        y: (n,), (n, 1), (n, 1, 1) or (1, n) of whole numbers, whole floats, booleans or text; or one-hot rows
            (n, classes).
        count: n, the number of images.
        where: the file, for errors.

    Raises:
        DataError: for anything else.
    """
    y = np.asarray(y)
    if y.ndim > 2 and len(y) == count:
        y = y.reshape([length for i, length in enumerate(y.shape) if i == 0 or length > 1])
    if y.ndim == 2 and min(y.shape) > 1 and len(y) == count:
        hot = y.astype(bool) if y.dtype.kind in "biuf" else np.zeros_like(y, bool)
        if not ((y == hot).all() and (hot.sum(1) == 1).all()):
            raise DataError(
                f"{where}: labels of shape {y.shape} are not one-hot: every row needs one 1 and else 0. "
                "Images of several "
                "classes cannot be read."
            )
        return hot.argmax(1)
    if y.size != count or y.dtype.kind not in "biufUSO":
        raise DataError(
            f"{where}: {count} images need as many whole-number labels; got {y.dtype} {y.shape}. "
            "Store the index of the class of each image."
        )
    y = y.reshape(-1)
    if y.dtype.kind in "SOU":
        y = np.array(
            cut_zeros(
                value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in y
            )
        )
    if y.dtype.kind == "f":
        whole = np.isfinite(y).all() and (np.abs(y) < 2**53).all() and (y == np.round(y)).all()
        if not whole:
            raise DataError(
                f"{where}: labels must be whole numbers or text, got {y.dtype} such as {y[0]}. "
                "Store the index of the class of each image."
            )
    return y if y.dtype.kind == "U" else y.astype(np.int64)


def cut_zeros(labels: Iterable[str]) -> list[str]:
    """Labels as they are; if all are whole floats as text, "1.0", as pandas writes numbers with gaps, without zeros."""
    labels = list(labels)
    cut = [label[: label.find(".")] if _WHOLE_FLOAT.fullmatch(label) else "" for label in labels]
    return cut if labels and all(cut) else labels


def describe_labels(labels: Sequence[str], where: str) -> list[str]:
    """Notes on text labels that may be no classes: several in one text, or measurements.

    Args:
        labels: of each image.
        where: the file and column, for the notes.

    Raises:
        DataError: if the labels are numbers with fractions, nearly each of its own.
    """
    names = set(labels)
    fractions = [name for name in names if _FRACTION.fullmatch(name)]
    if fractions and len(names) > max(_MOST_FRACTIONS, len(labels) // 2):
        raise DataError(
            f"{where}: labels are numbers such as {min(fractions)}, {len(names):,} of them for {len(labels):,} images. "
            "A classifier needs classes: write the range that each number lies in."
        )
    if fractions and all(_FRACTION.fullmatch(name) or name.isdecimal() for name in names):
        return [f"{where}: each of the numbers {', '.join(sorted(names)[:4])}, ... is a class of its own"]
    for separator in ("|", ";", ",", " "):
        several = sorted(name for name in names if set(name.split(separator)) <= names - {name})
        if several:
            return [
                f"{where}: labels such as {several[0]!r} name several classes; each such text is a class of its own"
            ]
    return []


def index_labels(
    parts: Sequence[np.ndarray], names: tuple[str, ...], wheres: Sequence[str]
) -> tuple[tuple[str, ...], list[np.ndarray], tuple[str, ...]]:
    """Class names, the labels of each part as indices into them, and notes on what was not obvious.

    Args:
        parts: from `flatten_labels`, of every split.
        names: class names that the file gives, () if it gives none. Without names each label that occurs is a class
            of its own, so that labels from 1, or with a gap, make up no class.
        wheres: the file of each part, for errors.

    Raises:
        DataError: if a label is out of range.
    """
    if len({part.dtype.kind for part in parts}) > 1:
        raise DataError(
            f"{' and '.join(wheres)}: some labels are text, others whole numbers. Store all of them alike."
        )
    values = np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int64)
    if values.dtype.kind == "U":
        texts = names if names and set(values.tolist()) <= set(names) else order_classes(values.tolist())
        index = {name: i for i, name in enumerate(texts)}
        return texts, [np.array([index[value] for value in part.tolist()], np.int64) for part in parts], ()
    if not len(values):
        return names, [part.astype(np.int64) for part in parts], ()
    lowest, highest = int(values[0]), int(values[-1])
    if names:
        if (lowest, highest) == (1, len(names)):
            return names, [part - 1 for part in parts], (f"labels count from 1: 1 is {names[0]}",)
        _check_range(parts, len(names) - 1, wheres)
        return names, list(parts), ()
    _check_range(parts, MOST_LABEL - 1, wheres)
    notes = ()
    if len(values) <= highest:
        notes = (
            f"labels are {_list(values)}: each is a class of that name, and no class is made up between them",
        )
    indices = [np.searchsorted(values, part) for part in parts] if notes else list(parts)
    return tuple(map(str, values.tolist())), indices, notes


def _check_range(parts: Sequence[np.ndarray], most: int, wheres: Sequence[str]) -> None:
    for part, where in zip(parts, wheres, strict=True):
        if len(part) and not 0 <= part.min() <= part.max() <= most:
            is_open = most == MOST_LABEL - 1
            raise DataError(
                f"{where}: labels must be 0 to {most}{' at most' * is_open}, got {part.min()} to "
                f"{part.max()}."
                f"{' Count the classes from 0.' * is_open}"
            )


def _list(values: np.ndarray) -> str:
    texts = [str(value) for value in values.tolist()]
    return ", ".join(texts) if len(texts) <= 6 else f"{', '.join(texts[:3])}, ... {texts[-1]}"
