"""Taking a part of the data away without changing its mixture of classes."""

import numpy as np

from residual.data.images import Images
from residual.errors import DataError

TEST_SHARE = 0.15


def stratified_split(labels: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Sorted indices of the larger and of the smaller part.

    Every class gives `fraction` of its images to the smaller part, rounded, but at least one and never
    all; a class of a single image stays in the larger part.

    Args:
        labels: int (n,).
        fraction: share of the smaller part, between 0 and 1.
        seed: fixes which images are drawn.

    Raises:
        DataError: for a fraction outside 0..1, or when no class has two images.
    """
    if not 0 < fraction < 1:
        raise DataError(f"The share that is split off must lie between 0 and 1; got {fraction}.")
    labels = np.asarray(labels)
    rng = np.random.default_rng(seed)
    taken = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        count = min(max(1, round(fraction * len(members))), len(members) - 1)
        taken[members[:count]] = True
    if not taken.any():
        raise DataError("No class has two images, so none can be set aside: add images.")
    return np.flatnonzero(~taken), np.flatnonzero(taken)


def set_aside(images: Images, where: str) -> tuple[Images, Images]:
    """(train, test): `TEST_SHARE` of every class becomes the test set, the same images on every call.

    Args:
        images: all there are.
        where: file or folder they come from, for the error.
    """
    try:
        larger, smaller = stratified_split(images.y, TEST_SHARE, seed=0)
    except DataError as error:
        raise DataError(f"{where} has no test images. {error}") from None
    return images.take(larger), images.take(smaller)
