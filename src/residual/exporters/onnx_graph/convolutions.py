"""Layers that multiply by a matrix: convolutions and dense layers."""

from typing import Any

import numpy as np

from residual.errors import RunError
from residual.exporters.onnx_graph.activations import add_activation
from residual.exporters.onnx_graph.graph import Graph, Tensor
from residual.exporters.onnx_graph.values import read_values
from residual.exporters.onnx_graph.windows import check_channels_last, measure_windows


def _convolve(
    graph: Graph, layer: Any, x: Tensor, kernel: np.ndarray, bias: np.ndarray | None, groups: int, plain=False
) -> Tensor:
    """A convolution; `kernel` is (filters, channels of a group, height, width). `plain`: with stride 1, unpadded."""
    check_channels_last(layer)
    height, width, _ = x.shape
    strides = [1, 1] if plain else list(layer.strides)
    dilation = [1, 1] if plain else list(layer.dilation_rate)
    padding = "valid" if plain else layer.padding
    pads, sides = measure_windows((height, width), kernel.shape[2:], strides, padding, dilation)
    inputs: list[Tensor | str] = [x, graph.add_constant(kernel, "kernel")]
    if bias is not None:
        inputs.append(graph.add_constant(bias, "bias"))
    return graph.add(
        "Conv",
        inputs,
        (*sides, len(kernel)),
        kernel_shape=list(kernel.shape[2:]),
        strides=strides,
        dilations=dilation,
        pads=pads,
        group=groups,
    )


def _read_bias(layer: Any) -> np.ndarray | None:
    return read_values(layer.bias) if layer.use_bias else None


def write_conv(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """Conv2D, with groups and dilation."""
    kernel = read_values(layer.kernel).transpose(3, 2, 0, 1)
    y = _convolve(graph, layer, x, kernel, _read_bias(layer), layer.groups)
    return add_activation(graph, layer.activation, y)


def _order_depthwise(kernel: Any) -> np.ndarray:
    """Keras's (height, width, channels, multiplier) as (channels * multiplier, 1, height, width)."""
    values = read_values(kernel).transpose(2, 3, 0, 1)
    return values.reshape(-1, 1, *values.shape[2:])


def write_depthwise(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """DepthwiseConv2D: each channel has filters of its own."""
    y = _convolve(graph, layer, x, _order_depthwise(layer.kernel), _read_bias(layer), x.shape[2])
    return add_activation(graph, layer.activation, y)


def write_separable(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """SeparableConv2D: a depthwise convolution, then a 1x1 convolution."""
    y = _convolve(graph, layer, x, _order_depthwise(layer.depthwise_kernel), None, x.shape[2])
    pointwise = read_values(layer.pointwise_kernel).transpose(3, 2, 0, 1)
    y = _convolve(graph, layer, y, pointwise, _read_bias(layer), 1, plain=True)
    return add_activation(graph, layer.activation, y)


def write_dense(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """Dense, on the last axis: a matrix product, on images a 1x1 convolution."""
    if getattr(layer, "quantization_mode", None):
        raise RunError(
            f"The layer {layer.name} is quantized by Keras. Export the network as it was before that."
        )
    kernel, bias = read_values(layer.kernel), _read_bias(layer)
    if x.is_image:
        y = _convolve(graph, layer, x, kernel.T[:, :, None, None], bias, 1, plain=True)
    elif len(x.shape) == 1:
        inputs = [
            graph.add_constant(kernel, "kernel"),
            *([] if bias is None else [graph.add_constant(bias, "bias")]),
        ]
        y = graph.add("Gemm", [x, *inputs], (kernel.shape[1],))
    else:
        y = graph.add("MatMul", [x, graph.add_constant(kernel, "kernel")], (*x.shape[:-1], kernel.shape[1]))
        y = y if bias is None else graph.add("Add", [y, graph.add_constant(bias, "bias")])
    return add_activation(graph, layer.activation, y)
