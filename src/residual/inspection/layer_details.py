"""The sizes of one layer in words, e.g. "3x3, 64, stride 2"."""

from typing import Any

import keras

from residual._text import format_shape
from residual.inspection.costs import CONVOLUTIONS, Shape

_L = keras.layers
_POOLS = (
    *(_L.MaxPooling1D, _L.MaxPooling2D, _L.MaxPooling3D),
    *(_L.AveragePooling1D, _L.AveragePooling2D, _L.AveragePooling3D),
)
_PADS = (_L.ZeroPadding1D, _L.ZeroPadding2D, _L.ZeroPadding3D)


def describe_layer(layer: Any, before: Shape, after: Shape) -> str:
    """The sizes of a layer in words, e.g. "3x3, 64, stride 2"; "" for a layer without sizes.

    Args:
        layer: any Keras layer.
        before, after: shapes of its input and output, without the batch.
    """
    if isinstance(layer, CONVOLUTIONS):
        return _describe_convolution(layer, after)
    if isinstance(layer, _POOLS):
        return _join(format_shape(layer.pool_size), _describe_unless_one("stride", layer.strides))
    if isinstance(layer, _PADS):
        return _describe_padding(layer, before, after)
    if isinstance(layer, _L.Dense):
        return _join(str(layer.units), _activation_name(layer))
    if isinstance(layer, _L.Activation):
        return _activation_name(layer)
    return f"{layer.rate:g}" if isinstance(layer, _L.Dropout) else ""


def _describe_convolution(layer, after: Shape) -> str:
    channels = after[0] if layer.data_format == "channels_first" else after[-1]
    return _join(
        format_shape(layer.kernel_size),
        str(channels),
        _describe_unless_one("stride", layer.strides),
        _describe_unless_one("groups", (getattr(layer, "groups", 1),)),
        _describe_unless_one("dilation", layer.dilation_rate),
        _activation_name(layer),
    )


def _describe_padding(layer, before: Shape, after: Shape) -> str:
    # A shortcut that pads channels is a padding layer with data_format="channels_first".
    if before[:-1] == after[:-1]:
        return f"{(after[-1] or 0) - (before[-1] or 0)} channels"
    amounts = sorted({amount for pair in _list_sides(layer.padding) for amount in pair})
    return " or ".join(map(str, amounts))


def _list_sides(padding) -> list:
    return [side if isinstance(side, tuple | list) else (side, side) for side in padding]


def _activation_name(layer) -> str:
    name = getattr(layer.activation, "__name__", "")
    return "" if name == "linear" else name


def _describe_unless_one(word: str, sizes) -> str:
    sizes = tuple(sizes) if isinstance(sizes, tuple | list) else (sizes,)
    if set(sizes) == {1}:
        return ""
    return f"{word} {sizes[0] if len(set(sizes)) == 1 else format_shape(sizes)}"


def _join(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
