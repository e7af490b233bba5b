"""Classes that have far fewer training images than others, and what training can do about it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from residual.data.images import Dataset
from residual.errors import DataError

WAYS = ("sample", "weights")
_UNEQUAL = 3.0  # times as many images


def imbalance(labels: np.ndarray, classes: Sequence[str]) -> str:
    """'classes are unequal: 900 images of cat, 30 of dog', or "" where none has 3 times as many as another.

    Args:
        labels: int (n,).
        classes: class names.
    """
    counts = np.bincount(labels, minlength=len(classes))
    if counts.max() < _UNEQUAL * counts.min():
        return ""
    most, least = classes[counts.argmax()], classes[counts.argmin()]
    return f"classes are unequal: {counts.max():,} images of {most}, {counts.min():,} of {least}"


def checked_way(balance: str | None) -> str | None:
    """The argument, or DataError where it is none of `WAYS`."""
    if balance is not None and balance not in WAYS:
        raise DataError(f"class_balance must be {' or '.join(WAYS)}; got {balance!r}.")
    return balance


def resampled(data: Dataset, seed: int) -> Dataset:
    """`data` with as many training images of every class as the largest has: all of them, and some again.

    Args:
        data: whose validation and test images stay as they are.
        seed: fixes which images are taken again.
    """
    y = data.train.y
    most = np.bincount(y).max()
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(y == label) for label in np.unique(y)]
    again = [rng.permutation(np.resize(rng.permutation(own), most - len(own))) for own in members]
    return replace(data, train=data.train.take(np.concatenate([np.arange(len(y)), *again])), groups=None)


def class_weights(labels: np.ndarray) -> dict[int, float]:
    """How much an image of each class counts in the loss: all classes alike, 1 on the mean of the images.

    Args:
        labels: int (n,).
    """
    counts = np.bincount(labels)
    present = np.flatnonzero(counts)
    return {int(label): len(labels) / (len(present) * int(counts[label])) for label in present}
