"""The course's two blocks in plain NumPy and float64: what a block must give, whatever computes it.

All arrays are (n, height, width, channels); a kernel is (side, side, in, out).
"""

from collections.abc import Sequence

import numpy as np


def conv(x: np.ndarray, kernel: np.ndarray, stride: int = 1) -> np.ndarray:
    """Convolution without bias that keeps the size, then every `stride`-th pixel.

    An even window reaches one pixel further down and right than up and left, TensorFlow's "same". With a
    stride it is that of a 1x1 kernel, the only one that strides in these blocks.
    """
    side = len(kernel)
    pad = ((side - 1) // 2, side // 2)
    padded = np.pad(x, ((0, 0), pad, pad, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), (1, 2))
    return np.einsum("nhwcij,ijco->nhwo", windows[:, ::stride, ::stride], kernel)


def norm(x: np.ndarray, epsilon: float, training: bool) -> np.ndarray:
    """A new batch norm: the batch's mean and biased variance in training, else mean 0 and variance 1."""
    mean, variance = (x.mean((0, 1, 2)), x.var((0, 1, 2))) if training else (0.0, 1.0)
    return (x - mean) / np.sqrt(variance + epsilon)


def relu(x: np.ndarray) -> np.ndarray:
    """max(x, 0)."""
    return np.maximum(x, 0)


def block(
    x: np.ndarray, kernels: Sequence[np.ndarray], epsilon: float, training: bool, stride: int = 1
) -> np.ndarray:
    """relu(shortcut + F(x)): with three kernels the shortcut is x, a fourth one projects it.

    Args:
        x: the block's input.
        kernels: of the main path's 1x1, f x f and 1x1 convolutions, and of the shortcut if it has one.
        epsilon: added to the variance in batch norm.
        training: see `norm`.
        stride: of the first convolution and of the shortcut's.
    """
    x = x.astype(np.float64)
    first, second, third, *projection = kernels
    changed = relu(norm(conv(x, first, stride), epsilon, training))
    changed = relu(norm(conv(changed, second), epsilon, training))
    changed = norm(conv(changed, third), epsilon, training)
    skipped = norm(conv(x, projection[0], stride), epsilon, training) if projection else x
    return relu(skipped + changed)
