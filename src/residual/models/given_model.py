"""The network that trains, made of a Keras model that a user gives: a copy, its pixels normalized first."""

import hashlib
from typing import Any

import keras
import numpy as np

from residual._keras_graph import call_again, find_calls, is_functional, make_copier
from residual._text import describe_value, first_line
from residual.errors import NetworkError
from residual.models.build import raise_recursion_limit
from residual.models.given import GivenNetwork

_OWN = "keras."  # where all classes of Keras are defined
_SCALING = (keras.layers.Rescaling, keras.layers.Normalization)


def check_given(given: GivenNetwork, size: tuple[int, int], classes: int) -> None:
    """Refuse a model that cannot be trained here on these images, recorded, and resumed.

    Args:
        given: the model.
        size: (height, width) of the images.
        classes: how many there are.

    Raises:
        NetworkError: if it is not a functional or Sequential model of Keras's own layers, takes other images, or does
            not return a probability for each class.
    """
    model = given.model
    if not is_functional(model):
        raise NetworkError(
            f"model must be a functional Keras model, or a Sequential that begins with keras.Input; {given.name} is "
            f"{type(model).__name__} without a graph of layers."
        )
    for layer in (model, *_list_layers(model)):
        if not type(layer).__module__.startswith(_OWN) or isinstance(layer, keras.layers.Lambda):
            raise NetworkError(
                f"model must be made of Keras's own layers, which a file can hold without code; {layer.name} in "
                f"{given.name} is of the class {type(layer).__name__}."
            )
    _check_shapes(model, size, classes)
    row = _predict_black(model, size)
    if not np.allclose(row.sum(), 1, atol=0.05) or row.min() < 0:
        raise NetworkError(
            f"model must return probabilities; those of {given.name} for a black image are from {row.min():.3g} to "
            f"{row.max():.3g} and sum to {row.sum():.3g}. End it with a softmax."
        )


def _list_layers(model: keras.Model) -> list[Any]:
    """Every layer of a model and of the models inside it."""
    inner = [nested for layer in model.layers if is_functional(layer) for nested in _list_layers(layer)]
    return [*model.layers, *inner]


def _check_shapes(model: keras.Model, size: tuple[int, int], classes: int) -> None:
    taken, returned = model.input_shape, model.output_shape
    fits = isinstance(taken, tuple) and len(taken) == 4 and taken[3] == 3
    if not fits or any(side not in (None, own) for side, own in zip(taken[1:3], size, strict=True)):
        raise NetworkError(
            f"model must take the images of the data, (n, {size[0]}, {size[1]}, 3); {model.name} takes "
            f"{describe_value(taken)}. `image_size` scales images."
        )
    if not isinstance(returned, tuple) or len(returned) != 2 or returned[1] != classes:
        raise NetworkError(
            f"model must return (n, {classes}), a probability for each class of the data; {model.name} returns "
            f"{describe_value(returned)}."
        )


def _predict_black(model: keras.Model, size: tuple[int, int]) -> np.ndarray:
    output: Any = model(np.zeros((1, *size, 3), np.float32), training=False)
    return np.asarray(keras.ops.convert_to_numpy(output), np.float64)


def takes_raw_pixels(model: keras.Model) -> bool:
    """Whether the first layer that reads the image rescales or normalizes it."""
    first = [call.layer for call in find_calls(model) if any(t is model.inputs[0] for t in call.inputs)]
    return bool(first) and all(isinstance(layer, _SCALING) for layer in first)


def build_given(
    given: GivenNetwork, size: tuple[int, int], normalization: keras.layers.Layer | None
) -> keras.Model:
    """A functional model with copies of the layers, their weights, and the models inside it opened.

    Args:
        given: checked by `check_given`.
        size: (height, width) of the images.
        normalization: first layer, on raw pixels; None if the model takes raw pixels itself.

    Raises:
        NetworkError: if Keras cannot build the copy.
    """
    pixels = keras.Input((*size, 3), name="image")
    x = pixels if normalization is None else normalization(pixels)
    try:
        with raise_recursion_limit():
            outputs = call_again(given.model, [x], make_copier())
            return keras.Model(pixels, outputs[0], name=given.name)
    except NetworkError:
        raise
    except (TypeError, ValueError) as error:
        raise NetworkError(f"model {given.name} cannot be copied: {first_line(error)}") from None


def hash_network(model: keras.Model) -> str:
    """SHA-256 of the kinds of layers and of all weights: how a run knows the model that it began with."""
    digest = hashlib.sha256(" ".join(type(layer).__name__ for layer in _list_layers(model)).encode())
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight))
    return digest.hexdigest()
