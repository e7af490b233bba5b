"""What one layer does and costs: its sizes in words, its multiply-adds."""

from math import prod
from typing import Any

import keras

from residual._text import format_shape
from residual.errors import NetworkError

_L = keras.layers
_TRANSPOSED = (_L.Conv1DTranspose, _L.Conv2DTranspose, _L.Conv3DTranspose)
_PLAIN = (_L.Conv1D, _L.Conv2D, _L.Conv3D)
_DEPTHWISE = (_L.DepthwiseConv1D, _L.DepthwiseConv2D)
_SEPARABLE = (_L.SeparableConv1D, _L.SeparableConv2D)
CONVOLUTIONS: tuple[type, ...] = _PLAIN + _TRANSPOSED + _DEPTHWISE + _SEPARABLE
_POOLS = (
    *(_L.MaxPooling1D, _L.MaxPooling2D, _L.MaxPooling3D),
    *(_L.AveragePooling1D, _L.AveragePooling2D, _L.AveragePooling3D),
)
_PADS = (_L.ZeroPadding1D, _L.ZeroPadding2D, _L.ZeroPadding3D)

Shape = tuple[int | None, ...]


def is_weighted(layer: Any) -> bool:
    """Whether a layer counts towards the depth in a network's name: a convolution or a dense layer."""
    return isinstance(layer, (*CONVOLUTIONS, _L.Dense))


def multiply_adds(layer: Any, before: Shape, after: Shape) -> int:
    """Multiply-adds of one image through a convolution or dense layer; 0 for every other layer.

    A multiplication with its addition is one, biases are not counted, and padding counts as pixels: the
    convention of He et al. 2015 (arXiv:1512.03385, table 1).

    Args:
        layer: a layer with its weights.
        before, after: shapes of its input and output, without the batch.

    Raises:
        NetworkError: when a side of the image is None.
    """
    if not is_weighted(layer):
        return 0
    # Every weight of a kernel is used once per output position; in a transposed one, per input position.
    shape = before if isinstance(layer, _TRANSPOSED) else after
    first = getattr(layer, "data_format", None) == "channels_first"
    sides = shape[1:] if first else shape[:-1]
    positions = [side for side in sides if side is not None]
    if len(positions) < len(sides):
        raise NetworkError(
            f"The multiply-adds of {layer.name} depend on the input size, and its output is "
            f"{format_shape(after)}. Give an input size: build the network with input_shape=(224, 224, 3), say."
        )
    return prod(positions) * sum(prod(kernel.shape) for kernel in _kernels(layer))


def _kernels(layer) -> list:
    names = ("depthwise_kernel", "pointwise_kernel") if isinstance(layer, _SEPARABLE) else ("kernel",)
    return [getattr(layer, name) for name in names]


def detail(layer: Any, before: Shape, after: Shape) -> str:
    """The sizes of a layer in words, e.g. "3x3, 64, stride 2"; "" where it has none to tell."""
    if isinstance(layer, CONVOLUTIONS):
        return _convolution(layer, after)
    if isinstance(layer, _POOLS):
        return _comma(format_shape(layer.pool_size), _unless_one("stride", layer.strides))
    if isinstance(layer, _PADS):
        return _padding(layer, before, after)
    if isinstance(layer, _L.Dense):
        return _comma(str(layer.units), _activation(layer))
    if isinstance(layer, _L.Activation):
        return _activation(layer)
    return f"{layer.rate:g}" if isinstance(layer, _L.Dropout) else ""


def _convolution(layer, after: Shape) -> str:
    channels = after[0] if layer.data_format == "channels_first" else after[-1]
    return _comma(
        format_shape(layer.kernel_size),
        str(channels),
        _unless_one("stride", layer.strides),
        _unless_one("groups", (getattr(layer, "groups", 1),)),
        _unless_one("dilation", layer.dilation_rate),
        _activation(layer),
    )


def _padding(layer, before: Shape, after: Shape) -> str:
    # A shortcut that pads channels is a padding layer told that channels come first.
    if before[:-1] == after[:-1]:
        return f"{(after[-1] or 0) - (before[-1] or 0)} channels"
    amounts = sorted({amount for pair in _pairs(layer.padding) for amount in pair})
    return " or ".join(map(str, amounts))


def _pairs(padding) -> list:
    return [side if isinstance(side, tuple | list) else (side, side) for side in padding]


def _activation(layer) -> str:
    name = getattr(layer.activation, "__name__", "")
    return "" if name == "linear" else name


def _unless_one(word: str, sizes) -> str:
    sizes = tuple(sizes) if isinstance(sizes, tuple | list) else (sizes,)
    if set(sizes) == {1}:
        return ""
    return f"{word} {sizes[0] if len(set(sizes)) == 1 else format_shape(sizes)}"


def _comma(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
