"""What kind of Keras object a value is, asked without importing Keras."""

import sys
from typing import Any

_PLACES = {"Model": "", "Optimizer": "optimizers", "Callback": "callbacks"}


def is_instance(value: Any, name: str) -> bool:
    """Whether a value is an instance of a class of Keras; whoever made one has imported Keras.

    Args:
        value: anything.
        name: "Model", "Optimizer" or "Callback".
    """
    keras = sys.modules.get("keras")
    if keras is None:
        return False
    place = getattr(keras, _PLACES[name]) if _PLACES[name] else keras
    return isinstance(value, getattr(place, name))
