"""What one layer costs: its multiply-adds."""

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

Shape = tuple[int | None, ...]


def is_weighted(layer: Any) -> bool:
    """Whether a layer counts towards the depth in a network's name: a convolution or a dense layer."""
    return isinstance(layer, (*CONVOLUTIONS, _L.Dense))


def count_multiply_adds(layer: Any, before: Shape, after: Shape) -> int:
    """Multiply-adds of one image through a convolution or dense layer; 0 for every other layer.

    A multiplication with its addition counts as one, biases do not count, and padding counts as pixels: the
    convention of He et al. 2015 (arXiv:1512.03385, table 1).

    Args:
        layer: a layer with its weights.
        before, after: shapes of its input and output, without the batch.

    Raises:
        NetworkError: a side of the image is None.
    """
    if not is_weighted(layer):
        return 0
    # Every weight of a kernel is used once per output position; in a transposed one, per input position.
    shape = before if isinstance(layer, _TRANSPOSED) else after
    channels_first = getattr(layer, "data_format", None) == "channels_first"
    sides = shape[1:] if channels_first else shape[:-1]
    positions = [side for side in sides if side is not None]
    if len(positions) < len(sides):
        raise NetworkError(
            f"The multiply-adds of {layer.name} depend on the input size, and its output is "
            f"{format_shape(after)}. Build the network with a fixed input size, such as input_shape=(224, 224, 3)."
        )
    return prod(positions) * sum(prod(kernel.shape) for kernel in _list_kernels(layer))


def _list_kernels(layer) -> list:
    names = ("depthwise_kernel", "pointwise_kernel") if isinstance(layer, _SEPARABLE) else ("kernel",)
    return [getattr(layer, name) for name in names]
