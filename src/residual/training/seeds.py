"""The states of a model's generators of random numbers, such as those of dropouts: they are no weights."""

import keras
import numpy as np


def list_seed_states(model: keras.Model) -> list[keras.Variable]:
    """The variables that hold the states, in their order; [] for a network of `residual.models`."""
    others = {id(variable) for variable in (*model.weights, *model.metrics_variables)}
    return [variable for variable in model.non_trainable_variables if id(variable) not in others]


def read_seed_states(model: keras.Model) -> list[np.ndarray]:
    """The states, to be put back by `assign_seed_states`."""
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in list_seed_states(model)]


def assign_seed_states(model: keras.Model, values: list[np.ndarray]) -> None:
    """Put back what `read_seed_states` returned."""
    for variable, value in zip(list_seed_states(model), values, strict=False):
        variable.assign(value)
