"""From the raw arrays of a file to checked images with class names: what HDF5, .npz and CIFAR-10 share."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from residual.data.images import SPLITS, Images
from residual.data.pixel_store import Pixels, PixelStore
from residual.data.source import ArraySource, Numbered, fill_splits
from residual.errors import DataError

MOST_CLASSES = 100_000  # a stray label of 2**60 must not make as many class names


@dataclass(frozen=True, eq=False)
class Arrays:
    """What one file holds, unchecked.

    Attributes:
        x: images, as `check_images` takes them.
        y: labels.
        where: the file, for errors.
        names: class names, () if the file has none.
    """

    x: Pixels
    y: np.ndarray
    where: str
    names: tuple[str, ...] = ()


def make_source(name: str, layout: str, train: Arrays, test: Arrays | None = None) -> ArraySource:
    """A source of raw arrays; without `test` it has no test images of its own.

    Raises:
        DataError: if images or labels do not fit each other or the class names.
    """
    parts = {"train": train} if test is None else {"train": train, "test": test}
    classes = name_classes(*parts.values())
    images = {split: check_images(part.x, part.y, len(classes), part.where) for split, part in parts.items()}
    counted = [f"{part.where} ({len(images[split]):,} images)" for split, part in parts.items()]
    return hold_images(
        images,
        name=name,
        layout=layout,
        where=" and ".join(dict.fromkeys(part.where for part in parts.values())),
        classes=classes,
        description=f"{len(images['train']):,} images from {train.where}"
        if test is None
        else f"{name} from {' and '.join(counted)}",
    )


def hold_images(images: dict[str, Images], **facts) -> ArraySource:
    """A source of images that lie in memory.

    Args:
        images: of each split.
        facts: name, layout, where, classes and description of the source.
    """
    images = {split: images[split] for split in SPLITS if split in images}
    counts = {split: len(part) for split, part in images.items()}
    return ArraySource(
        pixels={split: part.x for split, part in images.items()},
        names=Numbered([(f"{split}[", "]") for split in images], list(counts.values())),
        labels=np.concatenate([part.y for part in images.values()]),
        splits=fill_splits(counts),
        made_test="test" not in images,
        names_classes=True,
        **facts,
    )


def check_images(x: Pixels, y: np.ndarray, classes: int, where: str) -> Images:
    """`Images` of raw arrays, or a DataError that says what does not fit.

    Grey images (n, h, w) or (n, h, w, 1) become RGB, of RGBA the transparent pixels become white; labels
    may be (n,), (n, 1) or (1, n).
    """
    x, y = x if isinstance(x, PixelStore) else np.asarray(x), np.asarray(y)
    if x.ndim == 3:
        x = x[..., None]
    if x.ndim != 4 or x.shape[-1] not in (1, 3, 4):
        raise DataError(f"{where}: images must be (n, height, width, 1, 3 or 4), got shape {x.shape}.")
    if x.dtype != np.uint8:
        raise DataError(f"{where}: images must be uint8 from 0 to 255, got {x.dtype}. Convert them first.")
    if x.size == 0:
        raise DataError(f"{where}: there are no images.")
    if y.size != len(x) or not np.issubdtype(y.dtype, np.integer):
        raise DataError(
            f"{where}: {len(x)} images need as many whole-number labels; got {y.dtype} {y.shape}. "
            "Store the index of the class of each image."
        )
    y = y.reshape(-1)
    if y.min() < 0 or y.max() >= classes:
        raise DataError(f"{where}: labels must be 0 to {classes - 1}, got {y.min()} to {y.max()}.")
    return Images(_to_rgb(x), y.astype(np.int64))


def name_classes(*parts: Arrays) -> tuple[str, ...]:
    """The names that the parts give, or "0", "1", ... up to the highest label if they give none."""
    return agree_on_names((part.where, part.names) for part in parts) or _number_classes(*parts)


def agree_on_names(given: Iterable[tuple[str, tuple[str, ...]]]) -> tuple[str, ...]:
    """The class names that files give, () if none does.

    Args:
        given: (file, class names or ()).

    Raises:
        DataError: if two files give different ones, or a name stands twice.
    """
    first, names = "", ()
    for where, others in given:
        if names and others and others != names:
            raise DataError(
                f"{first} and {where} name different classes: {', '.join(names)} and "
                f"{', '.join(others)}. Both must give the same names in the same order."
            )
        if others and not names:
            first, names = where, others
    if len(set(names)) < len(names):
        raise DataError(f"{first} names a class twice: {', '.join(names)}. Every name may stand once.")
    return names


def _number_classes(*parts: Arrays) -> tuple[str, ...]:
    highest = 0
    for part in parts:
        y = np.asarray(part.y)
        if y.size and np.issubdtype(y.dtype, np.integer):  # of others `check_images` says what is wrong
            highest = max(highest, int(y.max()))
            if highest >= MOST_CLASSES:
                raise DataError(
                    f"{part.where}: labels must be 0 to {MOST_CLASSES - 1} at most, "
                    f"got {y.min()} to {y.max()}. Count the classes from 0."
                )
    return tuple(str(i) for i in range(highest + 1))


def _to_rgb(x: Pixels) -> Pixels:
    if x.shape[-1] == 3:
        return x
    if x.shape[-1] == 1:
        return np.repeat(x, 3, axis=-1)
    alpha = x[..., 3:].astype(np.float32) / 255
    return (x[..., :3] * alpha + 255 * (1 - alpha)).round().astype(np.uint8)
