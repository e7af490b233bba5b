"""The optimizers that a recipe can name, and those that a user gives as objects.

A new optimizer is a function and a row in `OPTIMIZERS`. Keras is imported when one is made, so that a recipe can be
checked without it.
"""

import json
from collections.abc import Callable
from typing import Any

from residual._text import describe_value, first_line
from residual.backend.quiet import hide_tensorflow
from residual.errors import RecipeError

_MODULE = "keras.optimizers"


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


def make_muon(rate: Any, weight_decay: float) -> Any:
    """Muon for the kernels of convolutions, SGD for the rest, its decay decoupled."""
    from residual.training.muon import Muon

    return Muon(rate, **_decay(weight_decay))


def _decay(weight_decay: float) -> dict[str, float]:
    return {"weight_decay": weight_decay} if weight_decay else {}


# Each takes the learning rate (a number or a Keras schedule) and the weight decay, and returns a Keras optimizer.
OPTIMIZERS: dict[str, Callable[[Any, float], Any]] = {
    "adam": make_adam,
    "adamw": make_adamw,
    "muon": make_muon,
    "sgd": make_sgd,
}


def serialize_optimizer(optimizer: Any) -> str:
    """The configuration of a Keras optimizer as JSON, by which a run records it.

    Raises:
        RecipeError: if it cannot be made again from that, in another process.
    """
    import keras

    if not type(optimizer).__module__.startswith("keras."):
        raise RecipeError(
            f"optimizer must be one of Keras's own, which a run can record and resume with; got "
            f"{type(optimizer).__name__}."
        )
    try:
        with hide_tensorflow():
            text = json.dumps(keras.optimizers.serialize(optimizer))
        make_given(text)
    except Exception as error:  # whatever a schedule of the user's own raises
        raise RecipeError(
            f"optimizer must be one that Keras can make again from its configuration, which a run records; "
            f"{type(optimizer).__name__} is not: {first_line(error)}"
        ) from None
    return text


def is_serialized(value: Any) -> bool:
    """Whether a value is what `serialize_optimizer` returned."""
    try:
        return isinstance(value, str) and "class_name" in json.loads(value)
    except (ValueError, TypeError, RecursionError):
        return False


def make_given(text: str) -> Any:
    """A new optimizer of the configuration that `serialize_optimizer` wrote.

    Raises:
        RecipeError: if Keras does not know it.
    """
    import keras

    try:
        with hide_tensorflow():
            return keras.optimizers.deserialize(_check_classes(json.loads(text)))
    except (KeyError, TypeError, ValueError) as error:
        raise RecipeError(f"optimizer {describe_value(text)} cannot be made: {first_line(error)}") from None


def _check_classes(value: Any) -> Any:
    """The configuration itself; ValueError if it names a class outside of Keras's optimizers, which may be any code."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict) and not str(value.get("module", _MODULE)).startswith(_MODULE):
        raise ValueError(f"{value['module']} is not {_MODULE}")
    for part in inner:
        _check_classes(part)
    return value


def name_given(text: str) -> str:
    """The class of the optimizer that `serialize_optimizer` wrote: "Adam"."""
    return str(json.loads(text)["class_name"])
