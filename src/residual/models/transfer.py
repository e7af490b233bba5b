"""A network that begins with trained weights: the body of another network, and a new head for other classes."""

from typing import Any

import keras
import numpy as np

from residual._keras_graph import find_call, is_functional
from residual.errors import NetworkError
from residual.models.build import raise_recursion_limit
from residual.models.given import GivenNetwork, Pretrained, PretrainedNetwork
from residual.models.given_model import build_given, takes_raw_pixels
from residual.models.head import Head, find_head

HEAD = "head_dense"


def build_transfer(
    pretrained: Pretrained, size: tuple[int, int], classes: int, name: str = ""
) -> PretrainedNetwork:
    """The body of a trained network with a new softmax over `classes`, whose weights are zeros.

    Args:
        pretrained: the trained network; it stays as it is.
        size: (height, width) of the images; the body gets an input of this size.
        classes: outputs of the new head.
        name: of the new network; "" takes that of the trained one.

    Raises:
        NetworkError: if the trained network takes no RGB images of this size, does not say which pixels it takes, or
            has no features (n, d).
    """
    model = pretrained.model
    _check_body(pretrained)
    features = find_features(model)
    if features is None:
        raise NetworkError(
            f"weights {pretrained.name} must end in features (n, d), maps (n, height, width, d) or a Dense layer; "
            f"{model.name} ends in {tuple(model.outputs[0].shape)}."
        )
    if len(features.shape) == 4:
        features = keras.layers.GlobalAveragePooling2D(name="head_pool")(features)
    with raise_recursion_limit():
        body = keras.Model(model.inputs[0], features, name=name or model.name)
    try:
        copy = build_given(GivenNetwork(body), size, None)
    except (NetworkError, ValueError) as error:
        raise NetworkError(
            f"weights {pretrained.name} cannot be used with images of {size[1]}x{size[0]} pixels: {error} They were "
            f"trained on {describe_size(pretrained.image_size)}. Choose that `image_size`, or another network."
        ) from None
    dense = keras.layers.Dense(
        classes, activation="softmax", kernel_initializer="zeros", name=_free_name(copy)
    )
    with raise_recursion_limit():
        return PretrainedNetwork(
            keras.Model(copy.inputs[0], dense(copy.outputs[0]), name=copy.name), pretrained
        )


def describe_size(size: tuple[int, int] | None) -> str:
    """ "64x64 pixels" for (64, 64); "any size" for None."""
    return "any size" if size is None else f"{size[1]}x{size[0]} pixels"


def _check_body(pretrained: Pretrained) -> None:
    model, name = pretrained.model, pretrained.name
    if not is_functional(model):
        raise NetworkError(f"weights {name} must hold a functional Keras model; got {type(model).__name__}.")
    shape = model.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4:
        raise NetworkError(
            f"weights {name} must take images (n, height, width, 3); the network takes {shape}."
        )
    if shape[3] != 3:
        kind = "grayscale images" if shape[3] == 1 else f"images of {shape[3]} channels"
        raise NetworkError(
            f"weights {name} must take RGB images (n, height, width, 3); the network takes {kind}, {shape}. All images "
            "are read as RGB: choose weights that were trained on RGB images."
        )
    if not pretrained.takes_raw_pixels and not takes_raw_pixels(model):
        raise NetworkError(
            f"weights {name} must say which pixels they take, in a first layer that scales raw ones (0 to 255); "
            f"{model.name} has none. Add a first layer keras.layers.Rescaling or Normalization with the values of its "
            "training, or convert an old file with `raw_pixels`."
        )


def find_features(model: keras.Model) -> Any:
    """What the last layer reads: (n, d); the last maps (n, h, w, d) of a network without a head; None if neither.

    A Dense layer at the end is a head, with a softmax or, as in networks that return logits, without.
    """
    head = find_head(model)
    if head is not None:
        return head.features
    last = find_call(model.outputs[0])
    if type(last.layer) is keras.layers.Dense and len(last.inputs[0].shape) == 2:
        return last.inputs[0]
    output = model.outputs[0]
    return output if len(output.shape) in (2, 4) else None


def _free_name(model: keras.Model) -> str:
    taken = {layer.name for layer in model.layers}
    name = HEAD
    while name in taken:
        name += "_"
    return name


def build_body(model: keras.Model) -> keras.Model:
    """The part of a classifier before its last Dense layer: raw pixels in, features (n, d) out, weights shared.

    Raises:
        NetworkError: if the model does not end in a Dense layer and a softmax.
    """
    with raise_recursion_limit():
        return keras.Model(model.inputs[0], _require_head(model).features, name=f"{model.name}_body")


def assign_head(model: keras.Model, kernel: np.ndarray, bias: np.ndarray) -> None:
    """Give the last layer of a classifier its weights.

    Args:
        model: ends in a Dense layer with a bias and a softmax.
        kernel, bias: float (d, classes) and (classes,).

    Raises:
        NetworkError: if it ends in something else.
    """
    dense = _require_head(model).dense
    dense.kernel.assign(kernel.astype(np.float32))
    dense.bias.assign(bias.astype(np.float32))


def _require_head(model: keras.Model) -> Head:
    head = find_head(model)
    if head is None:
        raise NetworkError(f"{model.name} must end in a Dense layer and a softmax.")
    return head


def read_head(model: keras.Model) -> tuple[np.ndarray, np.ndarray]:
    """Kernel (d, classes) and bias (classes,) of the last layer of a classifier.

    Raises:
        NetworkError: if it does not end in a Dense layer and a softmax.
    """
    dense = _require_head(model).dense
    kernel = np.asarray(keras.ops.convert_to_numpy(dense.kernel))
    if dense.bias is None:
        return kernel, np.zeros(kernel.shape[1], kernel.dtype)
    return kernel, np.asarray(keras.ops.convert_to_numpy(dense.bias))
