"""Layers that take the largest value or the average of windows, or of whole images."""

from typing import Any

from residual.exporters.onnx_graph.graph import Graph, Tensor
from residual.exporters.onnx_graph.windows import check_channels_last, measure_windows


def _pool(op: str, graph: Graph, layer: Any, x: Tensor, **attributes: Any) -> Tensor:
    check_channels_last(layer)
    pads, sides = measure_windows(x.shape[:2], layer.pool_size, layer.strides, layer.padding)
    return graph.add(
        op,
        [x],
        (*sides, x.shape[2]),
        kernel_shape=list(layer.pool_size),
        strides=list(layer.strides),
        pads=pads,
        **attributes,
    )


def write_max_pool(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """MaxPooling2D; what is added at the sides never wins."""
    return _pool("MaxPool", graph, layer, x)


def write_average_pool(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """AveragePooling2D; what is added at the sides does not count."""
    return _pool("AveragePool", graph, layer, x, count_include_pad=0)


def _pool_all(op: str, graph: Graph, layer: Any, x: Tensor) -> Tensor:
    check_channels_last(layer)
    pooled = graph.add(op, [x], (1, 1, x.shape[2]))
    return pooled if layer.keepdims else graph.add("Flatten", [pooled], (x.shape[2],), axis=1)


def write_global_average(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """GlobalAveragePooling2D."""
    return _pool_all("GlobalAveragePool", graph, layer, x)


def write_global_max(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """GlobalMaxPooling2D."""
    return _pool_all("GlobalMaxPool", graph, layer, x)
