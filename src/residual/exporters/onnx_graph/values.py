"""The numbers of a layer, read from any backend."""

from typing import Any

import keras
import numpy as np


def read_values(variable: Any) -> np.ndarray:
    """A weight, or any tensor or number, as a float64 array."""
    is_own = isinstance(variable, float | int | list | tuple | np.ndarray)
    return np.asarray(variable if is_own else keras.ops.convert_to_numpy(variable), np.float64)
