"""Layers and operators that join tensors."""

from collections.abc import Callable
from typing import Any

import numpy as np

from residual.errors import RunError
from residual.exporters.onnx_graph.graph import Graph, Tensor
from residual.exporters.onnx_graph.values import read_values


def _broadcast_shapes(graph: Graph, first: Tensor, second: Tensor) -> tuple[int, ...]:
    if len(first.shape) != len(second.shape):
        raise RunError(
            f"The layer {graph.layer} joins tensors with {len(first.shape)} and {len(second.shape)} axes; they must "
            "have as many to be exported."
        )
    return np.broadcast_shapes(first.shape, second.shape)


def _join(graph: Graph, op: str, first: Any, second: Any) -> Tensor:
    """An operation of two operands, of which one may be a number or an array."""
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        return graph.add(op, [first, second], _broadcast_shapes(graph, first, second))
    tensor = first if isinstance(first, Tensor) else second
    operands = [
        one
        if isinstance(one, Tensor)
        else graph.add_constant(tensor.place_constant(read_values(one)), "operand")
        for one in (first, second)
    ]
    return graph.add(op, operands, tensor.shape)


def write_join(op: str) -> Callable[..., Tensor]:
    """Of a layer such as Add, with two or more inputs, and of the operators `x + y` and `x + 1`."""

    def write(graph: Graph, layer: Any, *inputs: Any) -> Tensor:
        joined = inputs[0]
        for one in inputs[1:]:
            joined = _join(graph, op, joined, one)
        return joined

    return write


def write_negative(graph: Graph, operation: Any, x: Tensor) -> Tensor:
    """The operator `-x`."""
    return graph.add("Neg", [x])


def write_average(graph: Graph, layer: Any, *inputs: Tensor) -> Tensor:
    """Average of two or more tensors."""
    total = write_join("Add")(graph, layer, *inputs)
    return graph.add("Mul", [total, graph.add_constant(1 / len(inputs), "share")])


def write_concatenate(graph: Graph, layer: Any, *inputs: Tensor) -> Tensor:
    """Concatenate, along any axis but the first."""
    axis = layer.axis % (len(inputs[0].shape) + 1)
    shape = list(inputs[0].shape)
    shape[axis - 1] = sum(one.shape[axis - 1] for one in inputs)
    return graph.add("Concat", inputs, shape, axis=inputs[0].place_axis(axis))
