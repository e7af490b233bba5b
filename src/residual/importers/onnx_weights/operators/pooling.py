"""Operators that take the largest value or the average of windows, or of whole images."""

from typing import Any

import keras

from residual.errors import RunError
from residual.importers.onnx_weights.builder import Builder
from residual.importers.onnx_weights.file import Node
from residual.importers.onnx_weights.operators.windows import Windows
from residual.importers.onnx_weights.tensors import CHANNELS_FIRST, Tensor

_POOLED = (0, 1, None, None)  # (n, channels) stands for (n, channels, 1, 1)


def _read(builder: Builder, node: Node) -> tuple[str, Tensor, Any, Windows]:
    name, source = builder.name(node), builder.read_tensor(node, 0)
    x = source.order_as_image(name)
    kernel = node.attributes.get("kernel_shape", ())
    windows = Windows.read(node, x.shape[1:3], kernel)
    if windows.dilations != (1, 1):
        raise RunError("its windows are dilated")
    return name, source, x, windows


def translate_max_pool(builder: Builder, node: Node) -> Tensor:
    """MaxPool. What is added at the sides never wins: zeros do if nothing is below zero, else Keras's "same"."""
    name, source, x, windows = _read(builder, node)
    padding = "valid"
    if not windows.is_plain:
        if source.is_positive:
            x = windows.pad(x, name)
        elif windows.is_same:
            padding = "same"
        else:
            return Tensor(_pool_in_steps(x, windows, name), CHANNELS_FIRST)
    layer = keras.layers.MaxPooling2D(windows.kernel, windows.strides, padding, name=name)
    return Tensor(layer(x), CHANNELS_FIRST, is_positive=source.is_positive)


def _pool_in_steps(x: Any, windows: Windows, name: str) -> Any:
    """The largest values of all windows, then those where the strides lead."""
    half = tuple(side // 2 for side in windows.kernel)
    if any(side % 2 == 0 for side in windows.kernel) or windows.before != half:
        raise RunError(f"it pads {[*windows.before, *windows.after]} around numbers below zero")
    x = keras.layers.MaxPooling2D(windows.kernel, (1, 1), "same", name=f"{name}_all")(x)
    return keras.layers.MaxPooling2D((1, 1), windows.strides, name=name)(x)


def translate_average_pool(builder: Builder, node: Node) -> Tensor:
    """AveragePool, whether zeros at the sides count or not."""
    name, source, x, windows = _read(builder, node)
    if windows.covers_image:
        return _pool_all(keras.layers.GlobalAveragePooling2D, name, source, x)
    padding = "valid"
    if not windows.is_plain:
        if node.attributes.get("count_include_pad"):
            x = windows.pad(x, name)
        elif windows.is_same:
            padding = "same"
        else:
            raise RunError(f"it pads {[*windows.before, *windows.after]} with zeros that do not count")
    layer = keras.layers.AveragePooling2D(windows.kernel, windows.strides, padding, name=name)
    return Tensor(layer(x), CHANNELS_FIRST, is_positive=source.is_positive)


def _pool_all(kind: type, name: str, source: Tensor, x: Any) -> Tensor:
    return Tensor(kind(name=name)(x), _POOLED, is_positive=source.is_positive)


def translate_global_average(builder: Builder, node: Node) -> Tensor:
    """GlobalAveragePool."""
    name, source = builder.name(node), builder.read_tensor(node, 0)
    return _pool_all(keras.layers.GlobalAveragePooling2D, name, source, source.order_as_image(name))


def translate_global_max(builder: Builder, node: Node) -> Tensor:
    """GlobalMaxPool."""
    name, source = builder.name(node), builder.read_tensor(node, 0)
    return _pool_all(keras.layers.GlobalMaxPooling2D, name, source, source.order_as_image(name))


def translate_reduce_mean(builder: Builder, node: Node) -> Tensor:
    """ReduceMean over height and width."""
    source = builder.read_tensor(node, 0)
    given = node.attributes.get("axes")
    if given is None:
        values = builder.read_constant(node, 1)
        given = [] if values is None else values.tolist()
    axes = sorted(axis % len(source.axes) for axis in given)
    places = [source.axes[axis] for axis in axes]
    if len(source.axes) != 4 or sorted(place or 0 for place in places) != [1, 2] or source.axes[0] != 0:
        raise RunError(f"it averages over the axes {given} of a tensor of shape {source.sizes}")
    x = keras.layers.GlobalAveragePooling2D(name=builder.name(node))(source.keras)
    kept = [None if axis in axes else 0 if axis == 0 else 1 for axis in range(4)]
    if not node.attributes.get("keepdims", 1):
        kept = [0, 1]
    return Tensor(x, tuple(kept), is_positive=source.is_positive)
