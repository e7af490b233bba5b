"""The last layers of a classifier: the features, and the Dense layer that turns them into probabilities."""

from typing import Any, NamedTuple

import keras

from residual._keras_graph import find_call, find_calls, is_functional


class Head(NamedTuple):
    """The head of a classifier.

    Attributes:
        dense: the layer whose outputs, after a softmax, are the probabilities.
        features: the Keras tensor (n, d) that it reads.
    """

    dense: keras.layers.Dense
    features: Any


def find_head(model: keras.Model) -> Head | None:
    """The head of a model that ends in a Dense layer and a softmax, in one layer or in two; None of any other model.

    Args:
        model: any; models inside it are not opened.
    """
    if not is_functional(model) or len(model.outputs) != 1:
        return None
    call = find_call(model.outputs[0])
    layer = call.layer
    if _is_softmax(layer):
        call = find_call(call.inputs[0])
        layer, is_fit = call.layer, getattr(call.layer, "activation", None) is keras.activations.linear
    else:
        is_fit = getattr(layer, "activation", None) is keras.activations.softmax
    if type(layer) is not keras.layers.Dense or not is_fit or len(call.inputs[0].shape) != 2:
        return None
    if sum(found.layer is layer for found in find_calls(model)) != 1:
        return None
    return Head(layer, call.inputs[0])


def _is_softmax(layer: Any) -> bool:
    if isinstance(layer, keras.layers.Softmax):
        return layer.axis in (-1, 1)
    is_activation = isinstance(layer, keras.layers.Activation)
    return is_activation and layer.activation is keras.activations.softmax


def divide_logits(head: Head, temperature: float) -> None:
    """Divide the logits of a classifier by a temperature, in its weights: kernel and bias of the Dense layer.

    Args:
        head: of the classifier.
        temperature: above 0. Every label stays as it is.
    """
    for weight in (head.dense.kernel, head.dense.bias):
        if weight is not None:
            weight.assign(keras.ops.convert_to_numpy(weight) / temperature)
