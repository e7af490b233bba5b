"""Activations."""

from collections.abc import Callable
from typing import Any

import keras

from residual.errors import RunError
from residual.importers.onnx_weights.builder import Builder
from residual.importers.onnx_weights.file import Node
from residual.importers.onnx_weights.tensors import Tensor


def _activate(builder: Builder, node: Node, layer: keras.layers.Layer, is_positive: bool = False) -> Tensor:
    source = builder.read_tensor(node, 0)
    return Tensor(layer(source.keras), source.axes, is_positive=is_positive)


def _make(activation: str, is_positive: bool = False) -> Callable[[Builder, Node], Tensor]:
    """The function of an operator that is an activation of Keras."""

    def translate(builder: Builder, node: Node) -> Tensor:
        layer = keras.layers.Activation(activation, name=builder.name(node))
        return _activate(builder, node, layer, is_positive)

    return translate


def translate_clip(builder: Builder, node: Node) -> Tensor:
    """Clip from zero up: ReLU with a largest value, such as ReLU6."""
    limits: list[Any] = [node.attributes.get("min"), node.attributes.get("max")]
    for place in (1, 2):
        values = builder.read_constant(node, place)
        if values is not None:
            limits[place - 1] = float(values)
    lowest, highest = limits
    if lowest != 0:
        raise RunError(f"it clips from {lowest} to {highest}; from 0 up is rebuilt")
    return _activate(builder, node, keras.layers.ReLU(highest, name=builder.name(node)), is_positive=True)


def translate_leaky(builder: Builder, node: Node) -> Tensor:
    """LeakyRelu."""
    slope = float(node.attributes.get("alpha", 0.01))
    return _activate(builder, node, keras.layers.LeakyReLU(slope, name=builder.name(node)))


def translate_hard_sigmoid(builder: Builder, node: Node) -> Tensor:
    """HardSigmoid with the slope that Keras has, 1/6."""
    slope = float(node.attributes.get("alpha", 0.2))
    if abs(slope - 1 / 6) > 1e-6 or float(node.attributes.get("beta", 0.5)) != 0.5:
        raise RunError(f"its slope is {slope:g}; 1/6 is rebuilt")
    return _make("hard_sigmoid", True)(builder, node)


def translate_softmax(builder: Builder, node: Node) -> Tensor:
    """Softmax over the classes."""
    source = builder.read_tensor(node, 0)
    default = -1 if builder.file.opset >= 13 else 1
    axis = int(node.attributes.get("axis", default)) % len(source.axes)
    if source.axes[axis] != len(source.keras.shape) - 1:
        raise RunError(f"its axis {axis} of a tensor of shape {source.sizes} is not that of the classes")
    return _make("softmax", True)(builder, node)


ACTIVATIONS: dict[str, Callable[[Builder, Node], Tensor]] = {
    "Relu": _make("relu", True),
    "Sigmoid": _make("sigmoid", True),
    "Tanh": _make("tanh"),
    "HardSwish": _make("hard_silu"),
    "Clip": translate_clip,
    "LeakyRelu": translate_leaky,
    "HardSigmoid": translate_hard_sigmoid,
    "Softmax": translate_softmax,
}
