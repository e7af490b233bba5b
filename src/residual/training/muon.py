"""Muon, for networks of convolutions: the step of a kernel is about as long in all directions.

SGD's step is long along the few directions in which the gradient is large. Muon (Jordan 2024, kellerjordan.github.io/
posts/muon; the momentum and the three iterations are those of KellerJordan/cifar10-airbench) takes a matrix with the
same directions, all about as long. Keras's own Muon (3.15.1) does so with matrices alone, and trains the kernels of
convolutions, which have four axes, with AdamW.
"""

from typing import Any

import keras
from keras import ops

ITERATIONS = 3
_COEFFICIENTS = 3.4445, -4.7750, 2.0315  # of Jordan's polynomial, which rises fastest from 0
_TINY = 1e-7


def orthogonalize(matrix: Any) -> Any:
    """About the nearest matrix with orthonormal rows, or columns if those are fewer: singular values near 1.

    Three iterations of Newton and Schulz: values of 0.02 to 1 times the Frobenius norm come to between 0.7 and 1.2.

    Args:
        matrix: (rows, columns), float32.
    """
    if matrix.shape[0] > matrix.shape[1]:
        return ops.transpose(orthogonalize(ops.transpose(matrix)))
    a, b, c = _COEFFICIENTS
    x = matrix / (ops.sqrt(ops.sum(ops.square(matrix))) + _TINY)
    for _ in range(ITERATIONS):
        square = ops.matmul(x, ops.transpose(x))
        x = a * x + ops.matmul(b * square + c * ops.matmul(square, square), x)
    return x


class Muon(keras.optimizers.SGD):
    """Muon for the kernels of convolutions, SGD with momentum for all other weights.

    A kernel turns and keeps the norm that it has, so it does not decay. The rate is that of a kernel whose norm is the
    square root of its output channels; a longer one moves as much further.

    Args:
        learning_rate: of the other weights; a number or a Keras schedule.
        kernel_rate: what it is multiplied by for kernels.
        kernel_momentum: of the gradients of kernels.
        momentum: of the other weights, above 0.
        nesterov: whether both momenta look ahead.
        **options: as `keras.optimizers.SGD` takes them.

    Attributes:
        turned: ids of the kernels, as `find_kernels` gives them; to be set before the optimizer is built.
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
        if not momentum > 0:
            raise ValueError(f"momentum must be more than 0; got {momentum!r}.")
        super().__init__(learning_rate, momentum=momentum, nesterov=nesterov, **options)
        self.kernel_rate, self.kernel_momentum = kernel_rate, kernel_momentum
        self.turned: frozenset[int] = frozenset()
        self._places: frozenset[int] = frozenset()

    def build(self, variables):
        super().build(variables)
        self._places = frozenset(place for place, one in enumerate(variables) if id(one) in self.turned)

    def update_step(self, gradient, variable, learning_rate):
        place = self._get_variable_index(variable)
        if place not in self._places:
            super().update_step(gradient, variable, learning_rate)
            return
        before, channels = self.momentums[place], variable.shape[-1]
        gradient, kernel = (ops.cast(value, "float32") for value in (gradient, variable))
        momentum = self.kernel_momentum * ops.cast(before, "float32") + gradient
        ahead = gradient + self.kernel_momentum * momentum if self.nesterov else momentum
        turn = ops.reshape(orthogonalize(ops.reshape(ahead, (-1, channels))), variable.shape)
        length, root = _norm(kernel), channels**0.5
        empty = length < _TINY  # a kernel of zeros has no norm to keep
        rate = ops.cast(learning_rate, "float32") * self.kernel_rate
        moved = kernel - rate * ops.where(empty, 1.0, length / root) * turn
        after = moved * ops.where(empty, 1.0, length / (_norm(moved) + _TINY))
        self.assign(before, ops.cast(momentum, before.dtype))
        self.assign(variable, ops.cast(after, variable.dtype))

    def _apply_weight_decay(self, variables):
        decaying = [one for one in variables if self._use_weight_decay(one)]
        if decaying:  # Keras on torch fails at an empty list
            super()._apply_weight_decay(decaying)

    def _use_weight_decay(self, variable):
        return self._get_variable_index(variable) not in self._places and super()._use_weight_decay(variable)

    def get_config(self):
        own = {"kernel_rate": self.kernel_rate, "kernel_momentum": self.kernel_momentum}
        return super().get_config() | own


def _norm(value: Any) -> Any:
    return ops.sqrt(ops.sum(ops.square(value)))


def find_kernels(model: keras.Model) -> frozenset[int]:
    """Ids of the kernels that `Muon` turns: those of 2D convolutions that are neither grouped nor depthwise."""
    layers = model._flatten_layers(include_self=False)
    found = (layer for layer in layers if isinstance(layer, keras.layers.Conv2D) and layer.groups == 1)
    return frozenset(id(layer.kernel) for layer in found)
