"""A small network that learned one thing: whether the square planted in noise is red or blue."""

import keras
import numpy as np

from residual.models import zoo
from residual.models.build import build_network

SIDE, SQUARE = 24, 7
CLASSES = ("blue", "red")


def make_images(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Noise with a coloured square: pixels uint8 (n, 24, 24, 3), labels (n,), and rows and columns (n, 2)."""
    rng = np.random.default_rng(seed)
    x = rng.integers(60, 200, (n, SIDE, SIDE, 3)).astype(np.uint8)
    y, places = np.arange(n) % 2, rng.integers(0, SIDE - SQUARE, (n, 2))
    for image, label, (row, column) in zip(x, y, places, strict=True):
        image[row : row + SQUARE, column : column + SQUARE] = [250, 30, 30] if label else [30, 30, 250]
    return x, y, places


def train_patched(epochs: int = 4) -> keras.Model:
    """The network, trained in seconds."""
    keras.utils.set_random_seed(0)
    spec = zoo.resolve_spec("cifar-resnet8")
    model = build_network(spec, (SIDE, SIDE, 3), 2, keras.layers.Rescaling(1 / 255))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.7
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    x, y, _ = make_images(96, 0)
    model.fit(x.astype(np.float32), y, epochs=epochs, batch_size=16, verbose=0)
    return model


def measure_share(maps: np.ndarray, places: np.ndarray) -> float:
    """The share of the heat that lies on the squares, in the mean; a map that is even everywhere has 49 / 576.

    Args:
        maps: (n, 24, 24).
        places: (n, 2), from `make_images`.
    """
    shares = [
        one[row : row + SQUARE, column : column + SQUARE].sum() / max(one.sum(), 1e-9)
        for one, (row, column) in zip(maps, places, strict=True)
    ]
    return float(np.mean(shares))
