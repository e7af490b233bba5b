"""Where windows of convolutions and poolings lie: the paddings of Keras in numbers."""

from collections.abc import Sequence
from typing import Any

from residual.errors import RunError


def check_channels_last(layer: Any) -> None:
    """Refuse a layer that takes images with their channels first.

    Raises:
        RunError: naming the layer.
    """
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise RunError(
            f"The layer {layer.name} takes channels first (data_format). Build the network channels last to export it."
        )


def measure_windows(
    sides: Sequence[int], kernel: Sequence[int], strides: Sequence[int], padding: str, dilation=(1, 1)
) -> tuple[list[int], tuple[int, ...]]:
    """What is added at each side of an image, and the size of the result.

    "same" is TensorFlow's: with a stride, more is added at the bottom and right.

    Args:
        sides: height and width.
        kernel, strides, padding, dilation: of the layer.

    Returns:
        [top, left, bottom, right] as ONNX orders them, and (height, width) of the result.
    """
    begins, ends, results = [], [], []
    for side, window, stride, rate in zip(sides, kernel, strides, dilation, strict=True):
        reach = (window - 1) * rate + 1
        if padding == "same":
            result = -(-side // stride)
            total = max((result - 1) * stride + reach - side, 0)
        else:
            result, total = (side - reach) // stride + 1, 0
        begins.append(total // 2)
        ends.append(total - total // 2)
        results.append(result)
    return begins + ends, tuple(results)
