"""Fit the whitened stem of a network to training images."""

import keras
import numpy as np

from residual.data.images import Images
from residual.models.whitened import find_whitened, is_fitted, make_filters

_MOST_IMAGES, _AT_A_TIME = 5_000, 250  # their patches, some millions, tell a covariance of 12 numbers well


def fit_whitening(model: keras.Model, images: Images) -> None:
    """Give a stem whose filters are still random those for the training images; other networks stay as they are.

    Args:
        model: the network; its normalization has been fitted.
        images: the training images, without the validation images; up to 5,000 of them, evenly spaced, are read.
    """
    stem = find_whitened(model)
    if stem is None or stem.trainable or is_fitted(stem):
        return
    chosen = np.unique(np.linspace(0, len(images) - 1, min(len(images), _MOST_IMAGES)).astype(int))
    scale = keras.Model(model.inputs[0], stem.input)
    batches = (
        keras.ops.convert_to_numpy(scale(images.x[chosen[first : first + _AT_A_TIME]].astype(np.float32)))
        for first in range(0, len(chosen), _AT_A_TIME)
    )
    stem.set_weights([make_filters(batches)])
