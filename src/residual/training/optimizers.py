"""The optimizers that a recipe can name.

A new optimizer is a function and a row in `OPTIMIZERS`. Keras is imported when one is made, so that a recipe can be
checked without it.
"""

from collections.abc import Callable
from typing import Any


def make_adam(rate: Any, weight_decay: float) -> Any:
    """Adam (arXiv:1412.6980), its decay decoupled."""
    import keras

    return keras.optimizers.Adam(rate, **_decay(weight_decay))


def make_adamw(rate: Any, weight_decay: float) -> Any:
    """AdamW (arXiv:1711.05101)."""
    import keras

    return keras.optimizers.AdamW(rate, weight_decay=weight_decay)


def make_sgd(rate: Any, weight_decay: float) -> Any:
    """SGD with Nesterov's momentum of 0.9, its decay decoupled."""
    import keras

    return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, **_decay(weight_decay))


def _decay(weight_decay: float) -> dict[str, float]:
    return {"weight_decay": weight_decay} if weight_decay else {}


# Each takes the learning rate (a number or a Keras schedule) and the weight decay, and returns a Keras optimizer.
OPTIMIZERS: dict[str, Callable[[Any, float], Any]] = {
    "adam": make_adam,
    "adamw": make_adamw,
    "sgd": make_sgd,
}
