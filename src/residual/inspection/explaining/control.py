"""The control of a heat map: the same network with its weights shuffled, which knows nothing.

A map that looks the same then shows edges of the image and not what the network has learned (Adebayo et al., "Sanity
Checks for Saliency Maps", 2018).
"""

import contextlib
from collections.abc import Iterator

import keras
import numpy as np


@contextlib.contextmanager
def shuffle_weights(model: keras.Model, layers: int | None = None, seed: int = 0) -> Iterator[None]:
    """Shuffle the values within each kernel while the context lasts; the weights are as before at its end.

    Args:
        model: any.
        layers: shuffle only so many layers with a kernel, from the output on; None shuffles all.
        seed: of the order.
    """
    with_kernel = [layer for layer in model.layers if getattr(layer, "kernel", None) is not None]
    chosen = with_kernel[::-1][:layers]
    before = [np.array(keras.ops.convert_to_numpy(layer.kernel)) for layer in chosen]
    random = np.random.default_rng(seed)
    try:
        for layer, kernel in zip(chosen, before, strict=True):
            layer.kernel.assign(random.permutation(kernel.reshape(-1)).reshape(kernel.shape))
        yield
    finally:
        for layer, kernel in zip(chosen, before, strict=True):
            layer.kernel.assign(kernel)


def compare_maps(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's rank correlation of two maps: 1 if they agree on what matters more, 0 if they have nothing in common.

    Args:
        one, other: (height, width).

    Returns:
        -1 to 1; 0 if a map is the same everywhere.
    """
    from scipy.stats import rankdata

    ranks = [rankdata(values.reshape(-1)) for values in (one, other)]
    if any(rank.std() == 0 for rank in ranks):
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])
