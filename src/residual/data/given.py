"""Images that a program gives from Python, as arrays or as a Dataset, instead of a name or a path."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from residual._text import describe_value
from residual.data.arrays import Arrays, make_source
from residual.data.images import SPLITS, Dataset, Images, resize_all
from residual.data.labels import flatten_labels
from residual.data.source import MAX_UNREADABLE, ArraySource, Source
from residual.errors import DataError

GIVEN = "arrays given from Python"  # what run.toml has in the place of an address
_NAME = "arrays"
_ALLOWED = (
    "the name of a data set, a path, a Dataset, arrays (x, y), or ((x_train, y_train), (x_test, y_test))"
)


def open_given(data: Any) -> str | Dataset | Source:
    """What can be trained on, without decoding or hashing an image.

    Args:
        data: a name or a path, which stays as it is; a Dataset; arrays of images and labels (x, y), of which a hold-out
            becomes the test set; or two such pairs, for training and for the test. `pixels.arrange_axes` says which
            shapes images may have, `labels.flatten_labels` which labels.

    Raises:
        DataError: for anything else, and if images and labels do not fit each other.
    """
    if isinstance(data, str | Path | Source):
        return data if isinstance(data, Source) else str(data)
    if isinstance(data, Dataset):
        return check_dataset(data)
    pairs = find_pairs(data)
    if pairs is None:
        raise DataError(f"data must be {_ALLOWED}; got {describe_value(data)}.")
    parts = {name: _to_arrays(name, *pair) for name, pair in zip(("train", "test"), pairs, strict=False)}
    source = make_source(_NAME, GIVEN, parts)
    source.check()
    return replace(source, description=_describe(source))


def _describe(source: ArraySource) -> str:
    """One sentence on the arrays, for the plan and the run's record."""
    counts = {name: len(source.indices(name)) for name in source.pixels}
    many = f"{counts['train']:,} images"
    if "test" in counts:
        many = f"{counts['train']:,} to train and validate and {counts['test']:,} to test"
    return f"{GIVEN}: {many}, {'{1}x{0}'.format(*source.pixels['train'].shape[1:3])} pixels"


def find_pairs(data: Any) -> list[tuple[Any, Any]] | None:
    """The pairs (images, labels) of arrays, one or two; None if there are none."""
    if _is_pair(data):
        return [tuple(data)]
    if isinstance(data, list | tuple) and len(data) == 2 and all(map(_is_pair, data)):
        return [tuple(pair) for pair in data]
    return None


def _is_pair(value: Any) -> bool:
    """Whether a value is images, which have a shape, and labels."""
    return isinstance(value, list | tuple) and len(value) == 2 and len(getattr(value[0], "shape", ())) > 1


def _to_arrays(name: str, x: Any, y: Any) -> Arrays:
    """A pair as NumPy arrays; DataError if they cannot be that, such as lists of unequal length."""
    try:
        return Arrays(np.asarray(x), np.asarray(y), f"data, {name}")
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"data must be {_ALLOWED}; these are no arrays: {error}.") from None


def check_dataset(data: Dataset) -> Dataset:
    """A Dataset that a program made, its labels as int64.

    Raises:
        DataError: if its images, labels or classes are not as `Dataset` describes them.
    """
    if len(data.classes) < 2 or not all(isinstance(name, str) for name in data.classes):
        raise DataError(
            f"data must have the names of two classes or more; got {describe_value(data.classes)}."
        )
    found = {name: images for name in SPLITS if (images := getattr(data, name)) is not None}
    for name, images in found.items():
        _check_images(name, images, len(data.classes))
        if images.x.shape[1:] != data.train.x.shape[1:]:
            raise DataError(
                f"data must have images of one size; {name} has {tuple(images.x.shape)}, train "
                f"{tuple(data.train.x.shape)}."
            )
    fixed = {
        name: Images(images.x, images.y.astype(np.int64), images.known_digests)
        for name, images in found.items()
    }
    return replace(data, classes=tuple(data.classes), **fixed)


def _check_images(name: str, images: Images, classes: int) -> None:
    x, y = getattr(images, "x", None), getattr(images, "y", None)
    shape = getattr(x, "shape", ())
    if len(shape) != 4 or shape[3] != 3 or not len(x) or str(getattr(x, "dtype", "")) != "uint8":  # type: ignore[arg-type]
        raise DataError(
            f"data must have images uint8 (n, height, width, 3); {name} has {getattr(x, 'dtype', type(x).__name__)} "
            f"{tuple(shape)}."
        )
    if not isinstance(y, np.ndarray) or y.shape != (len(x),) or y.dtype.kind not in "iu":  # type: ignore[arg-type]
        raise DataError(
            f"data must have a whole number as the label of each image; {name} has {describe_value(y)}."
        )
    if not 0 <= y.min() <= y.max() < classes:
        raise DataError(
            f"data must have labels from 0 to {classes - 1}, the last class; {name} has {y.min()} to {y.max()}."
        )


def load_given(
    given: Dataset | Source, image_size: int | None = None, max_unreadable: float = MAX_UNREADABLE
) -> Dataset:
    """The images of what `open_given` returned, scaled if `image_size` asks for it.

    Raises:
        DataError: if there can be no hold-out.
    """
    if isinstance(given, Source):
        return given.to_dataset(image_size, max_unreadable)
    if image_size is None or given.size == (image_size, image_size):
        return given
    scaled = {
        name: Images(resize_all(images.x, image_size), images.y)
        for name in SPLITS
        if (images := getattr(given, name)) is not None
    }
    return replace(given, **scaled)


def label_images(data: Any, classes: Sequence[str], image_size: int) -> Images:
    """Arrays to evaluate a network on: all of (x, y), or the second of two pairs.

    Args:
        data: as `find_pairs` takes it.
        classes: names of the network's outputs. Labels are these names, or numbers: the numbers that the classes are
            called, or else indices of the outputs.
        image_size: side that the network takes.

    Raises:
        DataError: if a label is none of the network's, or the arrays do not fit each other.
    """
    x, y = (find_pairs(data) or [(None, None)])[-1]
    arrays = _to_arrays("test", x, y)
    labels = _name_labels(flatten_labels(arrays.y, len(arrays.x), arrays.where), classes)
    source = make_source(_NAME, GIVEN, {"train": Arrays(arrays.x, labels, arrays.where, tuple(classes))})
    pixels = source.pixels["train"]
    scaled = pixels if pixels.shape[1:3] == (image_size, image_size) else resize_all(pixels, image_size)
    return Images(scaled, source.labels)


def _name_labels(labels: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """The name of the class of each label."""
    names = [str(label) for label in labels.tolist()]
    if set(names) <= set(classes):
        return np.array(names)
    numbered = any(name.lstrip("-").isdigit() for name in classes)
    if labels.dtype.kind == "U" or numbered or not 0 <= labels.min() <= labels.max() < len(classes):
        unknown = ", ".join(sorted(set(names) - set(classes))[:5])
        raise DataError(
            f"data has labels that the network does not know: {unknown}. It knows {', '.join(classes[:10])}."
        )
    return np.array(classes)[labels]
