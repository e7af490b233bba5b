"""How large the gradient is during a training, measured by the optimizer itself on a few steps of each epoch.

The norm is that of the whole gradient, of all trainable weights together, before it is clipped. To read every gradient
of a large network takes some per cent of a step, so only each 16th step is measured. The update stays as it is.
"""

import functools
import math
from typing import Any

import keras

from residual.backend.gradients import sum_squares

EVERY = 16  # steps from one that is measured to the next; each epoch begins with one


class _Measured:
    """What `measure_gradient` puts in front of an optimizer's class.

    Attributes:
        steps: of an epoch.
        gradient_norms: the sum of the norms measured in this epoch, and how many they are.
    """

    steps: int
    gradient_norms: Any

    def apply(self, grads, trainable_variables=None):
        grads = list(grads)
        step = keras.ops.mod(self.iterations, self.steps)  # type: ignore[attr-defined]
        before = keras.ops.where(step == 0, 0.0, keras.ops.convert_to_tensor(self.gradient_norms))
        measured = keras.ops.cond(
            keras.ops.mod(step, EVERY) == 0,
            lambda: keras.ops.stack([_compute_norm(grads), keras.ops.ones(())]),
            lambda: keras.ops.zeros((2,)),
        )
        self.gradient_norms.assign(before + measured)
        return super().apply(grads, trainable_variables)  # type: ignore[misc]


def _compute_norm(grads: list[Any]) -> Any:
    """Euclidean norm of all gradients together, a float32 scalar."""
    squares = [sum_squares(one) for one in grads if one is not None]
    return keras.ops.sqrt(functools.reduce(keras.ops.add, squares, keras.ops.zeros(())))


def measure_gradient(model: keras.Model, steps: int) -> None:
    """Have the optimizer of a compiled model measure the gradient; call before the first step.

    One that scales the loss for float16 does not see the gradient itself: it is left alone.

    Args:
        model: compiled.
        steps: of an epoch.
    """
    optimizer: Any = model.optimizer
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    kind = type(optimizer)
    optimizer.gradient_norms = optimizer.add_variable((2,), name="gradient_norms")
    optimizer.steps = steps
    optimizer.__class__ = type(kind.__name__, (_Measured, kind), {"__module__": kind.__module__})


def read_gradient_norm(model: keras.Model) -> float | None:
    """Mean norm of the gradient over the steps that were measured in this epoch; None if none was.

    Args:
        model: its variables are up to date, as they are when an epoch has ended.
    """
    norms = getattr(model.optimizer, "gradient_norms", None)
    if norms is None:
        return None
    total, count = (float(value) for value in keras.ops.convert_to_numpy(norms))
    return total / count if count and math.isfinite(total) else None
