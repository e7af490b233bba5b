"""Keras models of a user's own: which are refused, and the copy that trains."""

from pathlib import Path

import keras
import numpy as np
import pytest

from residual.errors import NetworkError
from residual.importers.pretrained import resize_input
from residual.models.given import GivenNetwork
from residual.models.given_model import build_given, check_given, hash_network, takes_raw_pixels

layers = keras.layers
X = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype("float32")


def head(x, classes=3, activation="softmax"):
    return layers.Dense(classes, activation=activation)(layers.GlobalAveragePooling2D()(x))


def nested() -> keras.Model:
    """A model inside a model, a layer that is called twice, and an operator."""
    inside = keras.Input((None, None, 3))
    inner = keras.Model(
        inside, layers.BatchNormalization()(layers.Conv2D(3, 3, padding="same")(inside)), name="inner"
    )
    pixels = keras.Input((16, 16, 3))
    x = inner(layers.Rescaling(1 / 255)(pixels))
    shared = layers.Conv2D(3, 3, padding="same")
    return keras.Model(pixels, head(shared(shared(x)) + x), name="mine")


def test_the_copy_predicts_as_the_model_and_has_no_model_inside():
    model = nested()
    copy = build_given(GivenNetwork(model), (16, 16), None)
    np.testing.assert_allclose(copy.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-5)
    assert copy.name == "mine"
    assert not any(isinstance(layer, keras.Model) for layer in copy.layers)
    assert not {id(layer) for layer in copy.layers} & {id(layer) for layer in model.layers}
    assert copy.count_params() == model.count_params()
    assert takes_raw_pixels(model)


def test_a_normalization_that_was_adapted_stays_adapted():
    normalization = layers.Normalization()
    normalization.adapt(X)
    pixels = keras.Input((16, 16, 3))
    model = keras.Model(pixels, head(normalization(pixels)))
    expected = model.predict(X, verbose=0)
    for copy in (
        build_given(GivenNetwork(model), (16, 16), None),
        resize_input(model, 16, Path("mine.keras")),
    ):
        np.testing.assert_allclose(copy.predict(X, verbose=0), expected, rtol=1e-5)


def test_a_normalization_comes_before_a_model_that_has_none():
    model = keras.Sequential(
        [keras.Input((16, 16, 3)), layers.Flatten(), layers.Dense(3, activation="softmax")]
    )
    assert not takes_raw_pixels(model)
    copy = build_given(GivenNetwork(model), (16, 16), layers.Rescaling(1 / 255))
    np.testing.assert_allclose(copy.predict(X, verbose=0), model.predict(X / 255, verbose=0), rtol=1e-5)


def test_the_hash_is_of_weights_and_kinds_of_layers():
    model = nested()
    before = hash_network(model)
    assert hash_network(keras.models.clone_model(model)) != before
    assert (
        hash_network(build_given(GivenNetwork(model), (16, 16), None)) != before
    )  # without the model inside
    model.layers[-1].set_weights([np.zeros_like(weight) for weight in model.layers[-1].get_weights()])
    assert hash_network(model) != before


class Own(layers.Layer):
    def call(self, x):
        return x


class Subclass(keras.Model):
    def call(self, x):
        return x


def functional(make) -> keras.Model:
    pixels = keras.Input((16, 16, 3))
    return keras.Model(pixels, make(pixels), name="mine")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            Subclass(),
            "model must be a functional Keras model, or a Sequential that begins with keras.Input; .* is Sub",
        ),
        (
            keras.Sequential([layers.Dense(3)]),
            "model must be a functional Keras model, or a Sequential that begins",
        ),
        (
            functional(lambda x: head(Own()(x))),
            "model must be made of Keras's own layers.* in mine is of the class Own",
        ),
        (
            functional(lambda x: head(layers.Lambda(lambda x: x)(x))),
            "model must be made of .* of the class Lambda",
        ),
        (functional(lambda x: head(x, classes=4)), r"model must return \(n, 3\), .* returns \(None, 4\)"),
        (
            functional(lambda x: head(x, activation=None)),
            "model must return probabilities; .* End it with a softmax",
        ),
        (
            keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten(), layers.Dense(3)], name="wide"),
            r"model must take the images of the data, \(n, 16, 16, 3\); wide takes \(None, 32, 32, 3\)",
        ),
    ],
)
def test_a_model_that_cannot_be_trained_here_is_refused(model, message):
    with pytest.raises(NetworkError, match=f"^{message}"):
        check_given(GivenNetwork(model), (16, 16), 3)


def test_a_model_inside_that_is_called_in_another_mode_is_refused():
    inside = keras.Input((16, 16, 3))
    inner = keras.Model(inside, layers.BatchNormalization()(inside), name="inner")
    model = functional(lambda x: head(inner(x, training=False)))
    with pytest.raises(NetworkError, match="inner inside mine is called with training, which cannot be kept"):
        build_given(GivenNetwork(model), (16, 16), None)
