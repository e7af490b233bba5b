"""Trained weights as a network, whatever holds them: a .keras file or a file or folder that can be imported."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from residual._keras_graph import call_again, is_functional
from residual._text import describe_value, first_line
from residual.data.preprocessing import Preprocessing
from residual.errors import RunError
from residual.importers.imported import Imported
from residual.models.build import raise_recursion_limit
from residual.models.keras_file import load_model


def open_keras_file(path: Path, image_size: int | None) -> Imported:
    """The network of a .keras file, with what `residual` wrote beside it.

    Args:
        path: ends in .keras.
        image_size: pixels a side that the network is to take; None for what it takes already.

    Raises:
        RunError: the file cannot be loaded, holds no functional network of one RGB image, or not at that size.
    """
    model, info = load_model(path)
    shape = getattr(model, "input_shape", None)
    if not is_functional(model) or not isinstance(shape, tuple) or len(shape) != 4 or shape[3] != 3:
        raise RunError(
            f"{path} must be a functional network of RGB images; got inputs {describe_value(shape)}."
        )
    known = info if isinstance(info, dict) else {}
    if image_size is not None and shape[1:3] != (image_size, image_size):
        model = resize_input(model, image_size, path)
    preprocessing = read_preprocessing(known)
    if preprocessing is not None and image_size is not None:
        preprocessing = preprocessing.at_size(image_size)
    return Imported(
        model,
        str(known.get("network", model.name)),
        len(model.weights),
        (),
        preprocessing=preprocessing,
        license=known.get("license"),
        origin=known.get("origin"),
        classes=_read_classes(known),
    )


def read_preprocessing(info: dict[str, Any]) -> Preprocessing | None:
    """What the weights of a .keras file expect of a photo, if the file says it.

    Raises:
        RunError: a field that is unknown or out of its range.
    """
    table = info.get("preprocessing")
    return None if table is None else Preprocessing.from_dict(table)


def _read_classes(info: dict[str, Any]) -> tuple[str, ...] | None:
    classes = info.get("classes")
    return None if not isinstance(classes, Sequence) else tuple(map(str, classes))


def resize_input(model: keras.Model, image_size: int, path: Path) -> keras.Model:
    """A copy of a functional network that takes RGB images of another size, with the same weights.

    Args:
        model: takes (n, height, width, 3).
        image_size: pixels a side.
        path: the file of the network, for messages.

    Raises:
        RunError: the network fits only the size that it was made for.
    """
    copies: dict[int, Any] = {}

    def copy_call(layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        if not isinstance(layer, keras.layers.Layer):
            return layer(*args, **kwargs)  # an operation such as x + y has no weights
        if id(layer) not in copies:
            copies[id(layer)] = type(layer).from_config(layer.get_config())
        result = copies[id(layer)](*args, **kwargs)
        copies[id(layer)].set_weights(layer.get_weights())
        return result

    image = keras.Input((image_size, image_size, 3), name=model.inputs[0].name)
    try:
        with raise_recursion_limit():
            outputs = call_again(model, [image], copy_call)
            return keras.Model(image, outputs[0], name=model.name)
    except (TypeError, ValueError) as error:  # Keras raises whatever the layer raises that does not fit
        sides = "x".join(map(str, model.input_shape[1:3]))
        raise RunError(
            f"{path} takes images of {sides} pixels and cannot take `image_size` {image_size}: {first_line(error)}"
        ) from None
