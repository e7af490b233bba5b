"""The images of a study: a few of a data set, small, with validation images set aside."""

from dataclasses import replace

import numpy as np

from residual.data.images import Dataset, Images, resize_all
from residual.data.splits import split_apart
from residual.errors import DataError

MOST_TEST = 2_000
_SHARE = 0.15  # of the training images, set aside for validation
_SEED = 0  # of the choice of images, which is the same for all seeds of training


def choose_images(data: Dataset, most: int, side: int) -> Dataset:
    """A few images of a data set, scaled down: training, validation and test images.

    Validation images are the data set's own or a share of the training images; the choice is random and the same on
    every call.

    Args:
        data: all images.
        most: how many training and validation images there may be.
        side: of the images in pixels; smaller ones keep their size.

    Raises:
        DataError: if there are too few images to set some aside.
    """
    train, validation = data.train, data.validation
    if len(train) > most:
        train = train.take(np.random.default_rng(_SEED).permutation(len(train))[:most])
    if validation is None:
        larger, smaller = split_apart(train, _SHARE, _SEED)
        train, validation = train.take(larger), train.take(smaller)
    if not len(validation) or not len(data.test):
        raise DataError(
            f"{data.name} has too few images for a study: some must be left to validate and to test on."
        )
    return replace(
        data,
        train=_shrink(train, side),
        validation=_shrink(_take_some(validation, max(1, round(_SHARE * most))), side),
        test=_shrink(_take_some(data.test, MOST_TEST), side),
        groups=None,
    )


def _take_some(images: Images, most: int) -> Images:
    if len(images) <= most:
        return images
    return images.take(np.random.default_rng(_SEED).permutation(len(images))[:most])


def _shrink(images: Images, side: int) -> Images:
    """The images with `side` pixels a side; those that have no more are square or stay as they are."""
    height, width = images.x.shape[1:3]
    if min(height, width) <= side and height == width:
        return images
    return Images(resize_all(images.x, min(side, height, width)), images.y)


def describe_images(data: Dataset) -> str:
    """A sentence: how many images of which size, and where from.

    Args:
        data: from `choose_images`.
    """
    height, width = data.size
    return (
        f"{len(data.train):,} training, {len(data.validation):,} validation and {len(data.test):,} test images of "  # type: ignore[arg-type]
        f"{width}x{height} pixels. Source: {data.source}"
    )
