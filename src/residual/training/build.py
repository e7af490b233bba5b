"""The network that a training begins with: random or given weights, its normalization fitted on the training images."""

import keras
import numpy as np

from residual.data.images import Dataset, Images
from residual.data.pixel_store import pieces, take_sample
from residual.models.build import build_network
from residual.models.given import GivenNetwork, PretrainedNetwork
from residual.models.given_model import build_given, takes_raw_pixels
from residual.models.spec import NetworkSpec
from residual.training.recipe import Recipe
from residual.training.whitening import fit_whitening


def build_model(data: Dataset, spec: NetworkSpec | GivenNetwork, recipe: Recipe) -> keras.Model:
    """The network: raw pixels in, its normalization and whitened stem fitted on `data.train`, its weights random.

    A copy of a given Keras model has the weights of that model; a whitened stem that was never fitted is fitted. If
    its first layer scales the pixels, it gets no other normalization. Trained weights scale the pixels themselves; if
    nothing is trained, they are not copied.
    """
    if isinstance(spec, PretrainedNetwork):
        return build_given(spec, data.size, None) if recipe.epochs else spec.model
    if isinstance(spec, GivenNetwork):
        first = None if takes_raw_pixels(spec.model) else fit_normalization(recipe.normalization, data.train)
        model = build_given(spec, data.size, first)
        fit_whitening(model, data.train)
        return model
    first = fit_normalization(recipe.normalization, data.train)
    model = build_network(spec, (*data.size, 3), len(data.classes), first)
    fit_whitening(model, data.train)
    return model


def fit_normalization(kind: str, images: Images) -> keras.layers.Layer:
    """The first layer of a network, from raw 0-255 pixels, fitted on training images.

    Args:
        kind: a key of `recipe.NORMALIZATIONS`.
        images: the training images, without the validation images; of those that are decoded on demand 10,000 count.
    """
    if kind == "scale":
        return keras.layers.Rescaling(1 / 255, name="normalization")
    axes = (0, 1, 2) if kind == "channel" else (0,)
    x = take_sample(images.x)
    # In pieces, as the images may lie on disk; sums of whole numbers are exact in any order.
    total = sum((piece.sum(axes, dtype=np.float64) for piece in pieces(x)), np.zeros(()))
    count = len(x) * (x.shape[1] * x.shape[2] if kind == "channel" else 1)
    mean = total / count
    if kind == "channel":
        squares = sum((_squares(piece) for piece in pieces(x)), np.zeros(())) / count
        variance = np.maximum(squares - mean**2, 1.0)
        layer = keras.layers.Normalization(axis=-1, name="normalization")
    else:
        variance = np.full_like(mean, 255.0**2)
        layer = keras.layers.Normalization(axis=(1, 2, 3), name="normalization")
    layer.build((None, *x.shape[1:]))
    layer.set_weights([mean.astype(np.float32), variance.astype(np.float32), np.array(len(x))])
    layer.finalize_state()
    return layer


def _squares(x: np.ndarray) -> np.ndarray:
    """Sum of the squared pixels of each colour; a few at a time, as float64 takes eight times their memory."""
    few = (x[i : i + 256] for i in range(0, len(x), 256))
    return sum((np.square(piece, dtype=np.float64).sum((0, 1, 2)) for piece in few), np.zeros(()))
