"""Layers that move, cut, pad or scale, without arithmetic on values."""

from math import prod
from typing import Any

import numpy as np

from residual.errors import RunError
from residual.exporters.onnx_graph.graph import Graph, Tensor
from residual.exporters.onnx_graph.windows import check_channels_last


def skip(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """A layer that does nothing when a network predicts."""
    return x


def write_padding(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """ZeroPadding2D. Of one that is called channels first, the last two axes grow."""
    axes = (1, 2) if layer.data_format == "channels_last" else (2, 3)
    before, after, shape = [0] * 4, [0] * 4, list(x.shape)
    for axis, (first, last) in zip(axes, layer.padding, strict=True):
        place = x.place_axis(axis)
        before[place], after[place] = first, last
        shape[axis - 1] += first + last
    if not any(before + after):
        return x
    return graph.add("Pad", [x, graph.add_shape(before + after)], shape, mode="constant")


def _cut(graph: Graph, x: Tensor, starts: tuple[int, int], sides: tuple[int, int]) -> Tensor:
    """A rectangle of images."""
    ends = [start + side for start, side in zip(starts, sides, strict=True)]
    inputs = [graph.add_constant(values, "cut", np.int64) for values in (starts, ends, (2, 3))]
    return graph.add("Slice", [x, *inputs], (*sides, x.shape[2]))


def write_cropping(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """Cropping2D."""
    check_channels_last(layer)
    (top, bottom), (left, right) = layer.cropping
    return _cut(graph, x, (top, left), (x.shape[0] - top - bottom, x.shape[1] - left - right))


def write_center_crop(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """CenterCrop, of images that are large enough."""
    check_channels_last(layer)
    height, width, _ = x.shape
    if layer.height > height or layer.width > width:
        raise RunError(
            f"The layer {layer.name} enlarges images of {height}x{width}, which cannot be exported."
        )
    return _cut(
        graph, x, ((height - layer.height) // 2, (width - layer.width) // 2), (layer.height, layer.width)
    )


def _resize(graph: Graph, x: Tensor, sides: tuple[int, int], interpolation: str, **attributes: Any) -> Tensor:
    modes = {"bilinear": "linear", "nearest": "nearest"}
    if interpolation not in modes:
        raise RunError(
            f"The layer {graph.layer} scales by {interpolation}; exported are {' and '.join(modes)}."
        )
    return graph.add(
        "Resize",
        [x, "", "", graph.add_shape([*sides])],
        (*sides, x.shape[2]),
        mode=modes[interpolation],
        coordinate_transformation_mode="half_pixel",
        nearest_mode="round_prefer_ceil" if interpolation == "nearest" else None,
        axes=[2, 3],
        **attributes,
    )


def write_resizing(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """Resizing, stretched to the size."""
    check_channels_last(layer)
    if layer.crop_to_aspect_ratio or layer.pad_to_aspect_ratio or layer.antialias:
        raise RunError(
            f"The layer {layer.name} can be exported without antialias, crop_to_aspect_ratio and pad_to_aspect_ratio."
        )
    return _resize(graph, x, (layer.height, layer.width), layer.interpolation)


def write_upsampling(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """UpSampling2D."""
    check_channels_last(layer)
    sides = (x.shape[0] * layer.size[0], x.shape[1] * layer.size[1])
    return _resize(graph, x, sides, layer.interpolation)


def write_flatten(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """Flatten, in the order of Keras: channels last."""
    check_channels_last(layer)
    return graph.reshape(x, (prod(x.shape),)) if len(x.shape) > 1 else x


def write_reshape(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """Reshape; one side may be -1."""
    target = list(layer.target_shape)
    if -1 in target:
        target[target.index(-1)] = prod(x.shape) // -prod(target)
    return graph.reshape(x, target)


def write_permute(graph: Graph, layer: Any, x: Tensor) -> Tensor:
    """Permute: another order of the axes."""
    ordered = graph.order_as_keras(x) if x.is_image else x
    shape = [x.shape[axis - 1] for axis in layer.dims]
    y = graph.add("Transpose", [ordered], shape, perm=[0, *layer.dims])
    return graph.add("Transpose", [y], shape, perm=[0, 3, 1, 2]) if x.is_image else y
