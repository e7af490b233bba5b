"""Layers that scale and shift: pixels, batch norms, and norms of each image."""

from typing import Any

import numpy as np

from residual.errors import RunError
from residual.exporters.onnx_graph.graph import Graph, Tensor
from residual.exporters.onnx_graph.values import read_values


def scale_and_shift(graph: Graph, x: Tensor, scale: np.ndarray, shift: np.ndarray) -> Tensor:
    """x * scale + shift; both are broadcast as Keras does."""
    y = x
    if not np.all(scale == 1):
        y = graph.add("Mul", [y, graph.add_constant(x.place_constant(scale), "scale")])
    if np.any(shift != 0):
        y = graph.add("Add", [y, graph.add_constant(x.place_constant(shift), "shift")])
    return y


def write_rescaling(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """Rescaling: x * scale + offset."""
    return scale_and_shift(graph, x, read_values(layer.scale), read_values(layer.offset))


def write_normalization(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """Normalization: (x - mean) / standard deviation, given or adapted."""
    mean, variance = read_values(layer.mean), read_values(layer.variance)
    deviation = np.maximum(np.sqrt(variance), 1e-7)  # as Keras limits it
    if layer.invert:
        return scale_and_shift(graph, x, deviation, mean)
    return scale_and_shift(graph, x, 1 / deviation, -mean / deviation)


def write_batch_norm(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """BatchNormalization with its moving statistics, along the channels."""
    axis = layer.axis if isinstance(layer.axis, int) else layer.axis[0]
    if axis % (len(x.shape) + 1) != len(x.shape):
        raise RunError(
            f"The layer {layer.name} normalizes axis {layer.axis}, not the channels, the last axis."
        )
    count = x.shape[-1]
    gamma = read_values(layer.gamma) if layer.scale else np.ones(count)
    beta = read_values(layer.beta) if layer.center else np.zeros(count)
    mean, variance = read_values(layer.moving_mean), read_values(layer.moving_variance)
    scale = gamma / np.sqrt(variance + layer.epsilon)
    # The constants of ScaleAndShift, a node of our own, which `folding` replaces by nodes of ONNX.
    names = [
        graph.add_constant(values, name, np.float64)
        for values, name in ((scale, "scale"), (beta - mean * scale, "shift"))
    ]
    return graph.add("ScaleAndShift", [x, *names], is_image=x.is_image)


def _normalize(graph: Graph, x: Tensor, axes: list[int], epsilon: float) -> Tensor:
    """(x - mean) / sqrt(variance + epsilon) along axes of the stored tensor."""
    along = graph.add_constant(axes, "axes", np.int64)
    centred = graph.add("Sub", [x, graph.add("ReduceMean", [x, along], keepdims=1)])
    variance = graph.add("ReduceMean", [graph.add("Mul", [centred, centred]), along], keepdims=1)
    shifted = graph.add("Add", [variance, graph.add_constant(epsilon, "epsilon")])
    return graph.add("Div", [centred, graph.add("Sqrt", [shifted])], x.shape)


def write_layer_norm(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """LayerNormalization along the last axis."""
    axes = [layer.axis] if isinstance(layer.axis, int) else list(layer.axis)
    if [axis % (len(x.shape) + 1) for axis in axes] != [len(x.shape)] or getattr(layer, "rms_scaling", False):
        raise RunError(
            f"The layer {layer.name} can be exported if it normalizes the last axis alone, by its variance."
        )
    y = _normalize(graph, x, [x.place_axis(-1)], layer.epsilon)
    scale = read_values(layer.gamma) if layer.scale else np.ones(())
    return scale_and_shift(graph, y, scale, read_values(layer.beta) if layer.center else np.zeros(()))


def write_group_norm(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """GroupNormalization of the channels of an image."""
    if not x.is_image or layer.axis % 4 != 3:
        raise RunError(
            f"The layer {layer.name} can be exported if it normalizes the channels of images, the last axis."
        )
    height, width, channels = x.shape
    groups = channels if layer.groups == -1 else layer.groups
    split = [0, groups, channels // groups, height, width]
    apart = graph.add("Reshape", [x, graph.add_shape(split)], split[1:])
    y = _normalize(graph, apart, [2, 3, 4], layer.epsilon)
    y = graph.add("Reshape", [y, graph.add_shape([0, channels, height, width])], x.shape)
    scale = read_values(layer.gamma) if layer.scale else np.ones(())
    return scale_and_shift(graph, y, scale, read_values(layer.beta) if layer.center else np.zeros(()))
