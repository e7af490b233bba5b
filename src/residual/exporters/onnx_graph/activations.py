"""Activations: the functions of `keras.activations`, and the layers that apply one."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from residual._text import describe_value
from residual.errors import RunError
from residual.exporters.onnx_graph.graph import Graph, Tensor
from residual.exporters.onnx_graph.values import read_values

Write = Callable[[Graph, Tensor], Tensor]


def _write_op(op: str, **attributes: Any) -> Write:
    return lambda graph, x: graph.add(op, [x], **attributes)


def _clip(graph: Graph, x: Tensor, lowest: float, highest: float) -> Tensor:
    return graph.add(
        "Clip", [x, graph.add_constant(lowest, "lowest"), graph.add_constant(highest, "highest")]
    )


def _write_silu(graph: Graph, x: Tensor) -> Tensor:
    return graph.add("Mul", [x, graph.add("Sigmoid", [x])])


def _write_hard_sigmoid(graph: Graph, x: Tensor) -> Tensor:
    return graph.add("HardSigmoid", [x], alpha=1 / 6, beta=0.5)


def _write_hard_silu(graph: Graph, x: Tensor) -> Tensor:
    return graph.add("Mul", [x, _write_hard_sigmoid(graph, x)])


def _write_gelu(graph: Graph, x: Tensor) -> Tensor:
    """x * (1 + erf(x / sqrt(2))) / 2."""
    scaled = graph.add("Mul", [x, graph.add_constant(0.5**0.5, "scale")])
    share = graph.add("Add", [graph.add("Erf", [scaled]), graph.add_constant(1.0, "one")])
    return graph.add("Mul", [graph.add("Mul", [x, share]), graph.add_constant(0.5, "half")])


def _write_softmax(op: str) -> Write:
    return lambda graph, x: graph.add(op, [x], axis=x.place_axis(-1))


ACTIVATIONS: dict[Any, Write] = {
    keras.activations.linear: lambda _, x: x,
    keras.activations.relu: _write_op("Relu"),
    keras.activations.relu6: lambda graph, x: _clip(graph, x, 0, 6),
    keras.activations.leaky_relu: _write_op("LeakyRelu", alpha=0.2),
    keras.activations.elu: _write_op("Elu", alpha=1.0),
    keras.activations.selu: _write_op("Selu", alpha=1.6732632423543772, gamma=1.0507009873554805),
    keras.activations.gelu: _write_gelu,
    keras.activations.silu: _write_silu,
    keras.activations.mish: _write_op("Mish"),
    keras.activations.sigmoid: _write_op("Sigmoid"),
    keras.activations.hard_sigmoid: _write_hard_sigmoid,
    keras.activations.hard_silu: _write_hard_silu,
    keras.activations.tanh: _write_op("Tanh"),
    keras.activations.softplus: _write_op("Softplus"),
    keras.activations.softsign: _write_op("Softsign"),
    keras.activations.exponential: _write_op("Exp"),
    keras.activations.softmax: _write_softmax("Softmax"),
    keras.activations.log_softmax: _write_softmax("LogSoftmax"),
}


def add_activation(graph: Graph, activation: Any, x: Tensor) -> Tensor:
    """What an activation makes of x.

    Args:
        activation: a function of `keras.activations`, a layer of `ACTIVATION_LAYERS`, or None.

    Raises:
        RunError: for any other function.
    """
    if activation is None:
        return x
    if type(activation) in ACTIVATION_LAYERS:
        return ACTIVATION_LAYERS[type(activation)](graph, activation, x)
    write = ACTIVATIONS.get(activation) if callable(activation) else None
    if write is None:
        known = ", ".join(sorted(function.__name__ for function in ACTIVATIONS))
        raise RunError(
            f"The layer {graph.layer} has the activation {describe_value(activation)}, which cannot be exported. "
            f"Supported: {known}."
        )
    return write(graph, x)


def write_activation(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """Activation."""
    return add_activation(graph, layer.activation, x)


def write_relu(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """ReLU, with a largest value or a slope below zero."""
    if layer.threshold:
        raise RunError(f"The layer {layer.name} is a ReLU with a threshold, which cannot be exported.")
    if layer.negative_slope:
        y = graph.add("LeakyRelu", [x], alpha=float(layer.negative_slope))
        return (
            y
            if layer.max_value is None
            else graph.add("Min", [y, graph.add_constant(layer.max_value, "highest")])
        )
    return graph.add("Relu", [x]) if layer.max_value is None else _clip(graph, x, 0, layer.max_value)


def write_leaky(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """LeakyReLU."""
    return graph.add("LeakyRelu", [x], alpha=float(layer.negative_slope))


def write_elu(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """ELU."""
    return graph.add("Elu", [x], alpha=float(layer.alpha))


def write_prelu(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """PReLU: the slope below zero is learned, for each unit or shared along axes."""
    slope = x.place_constant(read_values(layer.alpha))
    return graph.add("PRelu", [x, graph.add_constant(slope, "slope")])


def write_softmax(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """Softmax, along one axis."""
    axes = np.atleast_1d(layer.axis)
    if len(axes) != 1:
        raise RunError(f"The layer {layer.name} is a Softmax along several axes, which cannot be exported.")
    return graph.add("Softmax", [x], axis=x.place_axis(int(axes[0])))


ACTIVATION_LAYERS: dict[type, Callable[[Graph, Any, Tensor], Tensor]] = {
    keras.layers.Activation: write_activation,
    keras.layers.ReLU: write_relu,
    keras.layers.LeakyReLU: write_leaky,
    keras.layers.ELU: write_elu,
    keras.layers.PReLU: write_prelu,
    keras.layers.Softmax: write_softmax,
}
