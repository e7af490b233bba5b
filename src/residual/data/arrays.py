"""From the raw arrays of a file to checked images with class names: what HDF5, .npz and Parquet share."""

from dataclasses import dataclass

import numpy as np

from residual.data.images import Dataset, Images
from residual.data.pixel_store import Pixels, PixelStore
from residual.data.splits import set_aside
from residual.errors import DataError

MOST_CLASSES = 100_000  # a stray label of 2**60 must not make as many class names


@dataclass(frozen=True, eq=False)
class Arrays:
    """What one file holds, unchecked.

    Attributes:
        x: images, as `checked` takes them.
        y: labels.
        where: the file, for errors.
        names: class names, () where the file has none.
    """

    x: Pixels
    y: np.ndarray
    where: str
    names: tuple[str, ...] = ()


def to_dataset(
    name: str, train: Arrays, test: Arrays | None = None, validation: Arrays | None = None
) -> Dataset:
    """Checked images and class names; without `test`, a stratified 15% of `train` is set aside.

    Raises:
        DataError: when images or labels do not fit each other, the class names or the other part.
    """
    classes = class_names(*(part for part in (train, test, validation) if part is not None))
    images = checked(train.x, train.y, len(classes), train.where)
    if len(classes) < 2:
        raise DataError(
            f"{train.where}: there must be at least two classes to tell apart; it has {len(classes)}."
        )
    told = f"{len(images):,} images from {train.where}"
    if test is None:
        larger, smaller = set_aside(images, train.where)
        source = f"{told}; {len(smaller):,} of them set aside as the test set"
        return Dataset(name, larger, smaller, classes, source, made_test=True)
    others = {
        part: checked(given.x, given.y, len(classes), given.where)
        for part, given in (("test", test), ("validation", validation))
        if given is not None
    }
    _check_one_size(images, others["test"], train.where, test.where)
    if validation is not None:
        _check_one_size(images, others["validation"], train.where, validation.where, "validation")
    counted = f"({len(images):,} images) and {test.where} ({len(others['test']):,} images)"
    source = f"{name} from {train.where} {counted}"
    return Dataset(name, images, classes=classes, source=source, **others)


def checked(x: Pixels, y: np.ndarray, classes: int, where: str) -> Images:
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


def class_names(*parts: Arrays) -> tuple[str, ...]:
    """The names that the parts give, or "0", "1", ... up to the highest label where they give none."""
    given = [part for part in parts if part.names]
    if not given:
        return _numbers(*parts)
    names = given[0].names
    for other in given[1:]:
        if other.names != names:
            raise DataError(
                f"{given[0].where} and {other.where} name different classes: {', '.join(names)} and "
                f"{', '.join(other.names)}. Both must give the same names in the same order."
            )
    if len(set(names)) < len(names):
        raise DataError(
            f"{given[0].where} names a class twice: {', '.join(names)}. Every name may stand once."
        )
    return names


def _numbers(*parts: Arrays) -> tuple[str, ...]:
    highest = 0
    for part in parts:
        y = np.asarray(part.y)
        if y.size and np.issubdtype(y.dtype, np.integer):  # of others `checked` says what is wrong
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


def _check_one_size(
    train: Images, test: Images, train_where: str, test_where: str, part: str = "test"
) -> None:
    ours, theirs = (f"{images.x.shape[1]}x{images.x.shape[2]}" for images in (train, test))
    if ours != theirs:
        raise DataError(
            f"{test_where}: {part} images are {theirs}, training images {ours} ({train_where}); "
            "both must have one size. Scale them when you write the files."
        )
