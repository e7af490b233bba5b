"""Muon, for networks of convolutions: each step turns a kernel by about the same angle in all directions.

SGD's step is large along the few directions in which the gradient is large. Muon (Jordan 2024, kellerjordan.github.io/
posts/muon) takes the nearest matrix whose rows are orthogonal instead, so that every direction moves as far. Keras's
own Muon (3.15) does so with matrices alone, and trains the kernels of convolutions, which have four axes, with AdamW.
"""

from typing import Any

import keras
from keras import ops

ITERATIONS = 3
_COEFFICIENTS = 3.4445, -4.7750, 2.0315  # of Jordan's polynomial, which rises fastest from 0


def orthogonalize(matrix: Any) -> Any:
    """About the nearest matrix with orthonormal rows, or columns if it has fewer: singular values near 1.

    Three iterations of Newton and Schulz: values of 0.02 to 1 times the Frobenius norm come to between 0.7 and 1.2.

    Args:
        matrix: (rows, columns), float32.
    """
    if matrix.shape[0] > matrix.shape[1]:
        return ops.transpose(orthogonalize(ops.transpose(matrix)))
    a, b, c = _COEFFICIENTS
    x = matrix / (ops.sqrt(ops.sum(ops.square(matrix))) + 1e-7)
    for _ in range(ITERATIONS):
        square = ops.matmul(x, ops.transpose(x))
        x = a * x + ops.matmul(b * square + c * ops.matmul(square, square), x)
    return x


class Muon(keras.optimizers.SGD):
    """Muon for the kernels of convolutions, SGD with Nesterov's momentum for all other weights.

    A kernel keeps its norm, the square root of its output channels, so that the rate is the angle of a step; it does
    not decay. Its norm does not matter where a batch norm follows, as in the networks of `residual`.

    Args:
        learning_rate: of the other weights; a number or a Keras schedule.
        kernel_rate: what it is multiplied by for kernels.
        kernel_momentum: of the gradients of kernels.
        momentum: of the other weights.
        **options: as `keras.optimizers.SGD` takes them.
    """

    def __init__(
        self,
        learning_rate: Any = 0.8,
        kernel_rate: float = 0.15,
        kernel_momentum: float = 0.6,
        momentum: float = 0.85,
        nesterov: bool = True,
        **options: Any,
    ):
        super().__init__(learning_rate, momentum=momentum, nesterov=nesterov, **options)
        self.kernel_rate, self.kernel_momentum = kernel_rate, kernel_momentum

    def update_step(self, gradient, variable, learning_rate):
        if not _is_kernel(variable):
            super().update_step(gradient, variable, learning_rate)
            return
        before = self.momentums[self._get_variable_index(variable)]
        gradient = ops.cast(gradient, variable.dtype)
        momentum = self.kernel_momentum * before + gradient
        self.assign(before, momentum)
        ahead = gradient + self.kernel_momentum * momentum
        channels = variable.shape[-1]
        turn = ops.reshape(orthogonalize(ops.reshape(ahead, (-1, channels))), variable.shape)
        length = ops.sqrt(ops.sum(ops.square(variable)))
        kept = variable * (channels**0.5 / (length + 1e-7))
        self.assign(variable, kept - ops.cast(learning_rate * self.kernel_rate, variable.dtype) * turn)

    def _use_weight_decay(self, variable):
        return not _is_kernel(variable) and super()._use_weight_decay(variable)

    def get_config(self):
        own = {"kernel_rate": self.kernel_rate, "kernel_momentum": self.kernel_momentum}
        return super().get_config() | own


def _is_kernel(variable: Any) -> bool:
    """Whether it is the kernel of a convolution, (height, width, channels before, channels); a depthwise one is not."""
    return len(variable.shape) == 4 and variable.shape[-1] > 1
