"""Small networks for tests of the exporters, and photos that look like some."""

from collections.abc import Callable

import keras
import numpy as np

from residual.engines.card import ModelCard

layers = keras.layers
SIDE = 18


def draw_photos(n: int = 3, side: int = SIDE) -> np.ndarray:
    """uint8 (n, side, side, 3): smooth colours with edges and noise."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[0:side, 0:side] / side
    waves = [
        np.sin(6 * random.normal(size=(n, 1, 1)) * rows + 6 * random.normal(size=(n, 1, 1)) * columns)
        for _ in "rgb"
    ]
    images = 128 + 90 * np.stack(waves, -1) + random.normal(0, 10, (n, side, side, 3))
    images[:, side // 3 : side // 2, side // 4 : side // 2] *= random.uniform(0, 1, (n, 1, 1, 3))
    return images.clip(0, 255).astype(np.uint8)


def build_small(body: Callable, side: int = SIDE, classes: int = 4) -> keras.Model:
    """A classifier of raw pixels around a body, with random weights and statistics of batch norms.

    Args:
        body: makes a tensor of images of the scaled pixels.
        side: of the images.
        classes: outputs.
    """
    pixels = keras.Input((side, side, 3))
    x = body(layers.Rescaling(1 / 127.5, -1)(pixels))
    x = layers.GlobalAveragePooling2D()(x) if len(x.shape) == 4 else x
    model = keras.Model(pixels, layers.Dense(classes, activation="softmax")(x))
    fill_weights(model)
    return model


def fill_weights(model: keras.Model) -> None:
    """Give every weight a random value that is neither 0 nor 1, the same in each call."""
    random = np.random.default_rng(1)
    for weight in model.weights:
        ranges = {"gamma": (0.5, 1.5), "moving_variance": (0.5, 2.0)}
        low, high = ranges.get(weight.name, (-0.5, 0.5))
        weight.assign(random.uniform(low, high, weight.shape))


def answer(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """What a network predicts, without compiling it."""
    return keras.ops.convert_to_numpy(model(images.astype(np.float32), training=False))


def make_card(classes: int = 4, side: int = SIDE) -> ModelCard:
    """A card for a network of `build_small`."""
    names = tuple(f"class {number}" for number in range(classes))
    return ModelCard(
        name="small", network="test", classes=names, image_size=(side, side), precision="fp32", exported_to=""
    )
