"""Images that are nearly the same everywhere, and the batch norms of a network that sees them."""

import keras
import numpy as np

from residual.data.images import Images
from residual.models.build import build_network
from residual.models.zoo import find_spec
from residual.training.batch_norm import norms, set_momentum
from residual.training.build import fit_normalization
from residual.training.recipe import NORMALIZATIONS


def draw_flat_images() -> dict[str, np.ndarray]:
    """uint8 (16, 16, 16, 3) by name."""
    rng = np.random.default_rng(0)
    bordered = np.full((16, 16, 16, 3), 250)
    bordered[:, 6:10, 6:10] = rng.integers(0, 256, (16, 4, 4, 3))
    constant_channel = rng.integers(0, 256, (16, 16, 16, 3))
    constant_channel[..., 0] = 255
    narrow = 40_000 + rng.integers(0, 300, (16, 16, 16, 3))  # of 65,535
    return {
        "flat borders": bordered.astype(np.uint8),
        "a channel that is constant": constant_channel.astype(np.uint8),
        "16 bits in a narrow range": (narrow / 257).round().astype(np.uint8),
        "all alike": np.full((16, 16, 16, 3), 250, np.uint8),
    }


def measure_variances(x: np.ndarray, normalization: str) -> tuple[np.ndarray, np.ndarray]:
    """The variance of a batch in each channel of each batch norm, as the layer keeps it, and in float64.

    Args:
        x: uint8 (n, 16, 16, 3).
        normalization: a key of `NORMALIZATIONS`.
    """
    keras.utils.set_random_seed(0) if keras.backend.backend() == "tensorflow" else None
    first = fit_normalization(normalization, Images(x, np.zeros(len(x), np.int64)))
    model = build_network(find_spec("cifar-resnet8"), (16, 16, 3), 2, first)
    set_momentum(model, 0.0)  # the moving statistics are those of the batch
    layers = norms(model)
    seen = keras.Model(model.input, [layer.input for layer in layers] + [model.output])
    *inputs, _ = seen(keras.ops.convert_to_tensor(x.astype(np.float32)), training=True)
    arrays = [np.asarray(keras.ops.convert_to_numpy(value), np.float64) for value in inputs]
    kept = [np.asarray(keras.ops.convert_to_numpy(layer.moving_variance)) for layer in layers]
    return np.concatenate(kept), np.concatenate([array.var((0, 1, 2)) for array in arrays])


def find_largest_error() -> dict[str, float]:
    """By images and normalization, how far the variances are from those in float64: a share of variance + epsilon."""
    errors = {}
    for name, x in draw_flat_images().items():
        for normalization in NORMALIZATIONS:
            kept, exact = measure_variances(x, normalization)
            errors[f"{name}, {normalization}"] = float((abs(kept - exact) / (exact + 1e-5)).max())
    return errors
