"""Taking a part of the data away without changing its mixture of classes."""

import numpy as np

from residual.errors import DataError


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
    rng = np.random.default_rng(seed)
    drawn = []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        count = min(max(1, round(fraction * len(members))), len(members) - 1)
        drawn.append(members[:count])
    smaller = np.sort(np.concatenate(drawn))
    if not len(smaller):
        raise DataError("No class has two images, so none can be set aside: add images.")
    larger = np.setdiff1d(np.arange(len(labels)), smaller)
    return larger, smaller
