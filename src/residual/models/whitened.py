"""A stem that is not trained: a 2x2 convolution that makes the patches of the training images uncorrelated.

The source is arXiv:2404.00498, section 3.1: the filters are the eigenvectors of the covariance of the patches, each
divided by the square root of its eigenvalue, and the negatives of them, so that a ReLU loses nothing.
"""

from collections.abc import Iterable

import keras
import numpy as np

from residual.models.layers import Layers
from residual.models.spec import WHITENED_WIDTH

SIDE = 2  # of a filter
_LEAST_VARIANCE = 5e-4  # added to each eigenvalue: flat patches have next to no variance in most directions


def whitened_stem(make: Layers, x, name: str | None):
    """The convolution: (n, h, w, 3) -> (n, h - 1, w - 1, 24). Its filters are random until they are fitted."""
    layer = keras.layers.Conv2D(
        WHITENED_WIDTH, SIDE, use_bias=False, kernel_initializer=make.kernel_initializer(), name=name
    )
    layer.trainable = False
    return layer(x)


def is_whitened(layer: keras.layers.Layer) -> bool:
    """Whether a layer is such a stem."""
    return (
        isinstance(layer, keras.layers.Conv2D)
        and tuple(layer.kernel.shape) == (SIDE, SIDE, 3, WHITENED_WIDTH)
        and (layer.strides, layer.use_bias, layer.padding) == ((1, 1), False, "valid")
    )


def is_fitted(stem: keras.layers.Conv2D) -> bool:
    """Whether the second half of the filters is the negative of the first, as in no stem of random numbers."""
    kernel = keras.ops.convert_to_numpy(stem.kernel)
    return bool((kernel[..., WHITENED_WIDTH // 2 :] == -kernel[..., : WHITENED_WIDTH // 2]).all())


def find_whitened(model: keras.Model) -> keras.layers.Conv2D | None:
    """The stem of a network that is not trained; None if it has none."""
    return next((layer for layer in model.layers if is_whitened(layer)), None)


def make_filters(batches: Iterable[np.ndarray]) -> np.ndarray:
    """The filters for images: float32 (2, 2, 3, 24).

    Args:
        batches: arrays (n, h, w, 3) on the scale that the stem reads.
    """
    size = SIDE * SIDE * 3
    count, total, products = 0, np.zeros(size), np.zeros((size, size))
    for x in batches:
        patches = np.lib.stride_tricks.sliding_window_view(x, (SIDE, SIDE), (1, 2)).reshape(-1, size)
        patches = patches.astype(np.float64)
        count += len(patches)
        total += patches.sum(0)
        products += patches.T @ patches
    mean = total / count
    values, vectors = np.linalg.eigh(products / count - np.outer(mean, mean))
    filters = (vectors / np.sqrt(np.maximum(values, 0) + _LEAST_VARIANCE)).T[::-1]
    signs = np.sign(
        filters[np.arange(size), np.abs(filters).argmax(1)]
    )  # an eigenvector has no sign of its own
    filters = filters * signs[:, None]
    kernel = np.concatenate([filters, -filters]).reshape(-1, 3, SIDE, SIDE)
    return kernel.transpose(2, 3, 1, 0).astype(np.float32)
