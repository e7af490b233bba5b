"""The head of a classifier is found if it is a Dense layer with a softmax, and takes a temperature in its weights."""

import keras
import numpy as np
import pytest

from residual.models.head import divide_logits, find_head
from residual.trust.temperature import apply_temperature

PIXELS = np.random.default_rng(0).normal(size=(5, 4, 4, 3)).astype(np.float32)


def build(*end, flat: bool = True) -> keras.Model:
    pixels = keras.Input((4, 4, 3))
    x = keras.layers.GlobalAveragePooling2D()(pixels) if flat else pixels
    for layer in end:
        x = layer(x)
    return keras.Model(pixels, x)


ENDS = {
    "one layer": lambda: [keras.layers.Dense(3, "softmax")],
    "a Softmax layer": lambda: [keras.layers.Dense(3), keras.layers.Softmax()],
    "an Activation": lambda: [keras.layers.Dense(3, use_bias=False), keras.layers.Activation("softmax")],
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_temperature_goes_into_the_weights(end):
    model = build(*end())
    head, before = find_head(model), model.predict(PIXELS, verbose=0)
    assert head.features.shape == (None, 3)
    divide_logits(head, 0.5)
    assert model.predict(PIXELS, verbose=0) == pytest.approx(apply_temperature(before, 0.5), abs=1e-6)


SHARED = keras.layers.Dense(3, "softmax")
OTHERS = {
    "a sigmoid": [keras.layers.Dense(3, "sigmoid")],
    "a layer between": [keras.layers.Dense(3), keras.layers.ReLU(), keras.layers.Softmax()],
    "no Dense": [keras.layers.Softmax()],
    "used twice": [SHARED, SHARED],
}


@pytest.mark.parametrize("end", OTHERS.values(), ids=OTHERS)
def test_other_ends_have_no_head(end):
    assert find_head(build(*end)) is None


def test_a_dense_layer_on_maps_is_no_head():
    assert find_head(build(keras.layers.Dense(3, "softmax"), flat=False)) is None
