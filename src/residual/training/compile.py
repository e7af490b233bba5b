"""A network made ready for `fit`: batch-norm momentum, optimizer with its schedule, loss."""

import keras
import numpy as np

from residual import backend
from residual.backend import accelerate
from residual.backend.choice import Choice
from residual.backend.quiet import hide_tensorflow
from residual.training.batch_norm import momentum_for, set_momentum
from residual.training.depth import find_depth_rates
from residual.training.gradient_norm import measure_gradient
from residual.training.muon import Muon, find_kernels
from residual.training.optimizers import OPTIMIZERS, make_given
from residual.training.recipe import Recipe
from residual.training.variable_rates import find_bias_rates, multiply_rates


def compile_model(
    model: keras.Model, recipe: Recipe, steps: int, choice: Choice | None = None, given: str | None = None
) -> None:
    """Make the network ready for `fit`; its optimizer also measures the gradient.

    Args:
        model: the network.
        recipe: how to train.
        steps: per epoch.
        choice: how the optimizer updates the weights here; None takes the usual way.
        given: an optimizer in the place of the recipe's, as `optimizers.serialize_optimizer` wrote it.
    """
    momentum = recipe.batch_norm
    if momentum == "auto":
        momentum = momentum_for(steps * recipe.epochs)
    set_momentum(model, momentum)
    optimizer = accelerate.fused(make_optimizer(recipe, steps, given), choice, model)
    if isinstance(optimizer, Muon):
        optimizer.turned = find_kernels(model)
    if given is None:
        optimizer = multiply_rates(optimizer, _find_rates(model, recipe))
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        metrics=["accuracy"],
        **backend.compile_options(),
    )
    measure_gradient(model, steps)


def _find_rates(model: keras.Model, recipe: Recipe) -> dict[int, float]:
    """What the learning rate of some variables is multiplied by, by their ids."""
    factors = find_depth_rates(model, recipe.depth_decay)
    for variable, factor in find_bias_rates(model, recipe.bias_rate).items():
        factors[variable] = factors.get(variable, 1.0) * factor
    return factors


def make_optimizer(recipe: Recipe, steps: int, given: str | None = None) -> keras.optimizers.Optimizer:
    """The recipe's optimizer with its schedule, or the one given with its own; decay leaves biases and norms alone.

    Args:
        recipe: how to train.
        steps: per epoch.
        given: as `compile_model` takes it.
    """
    if given is not None:
        optimizer = make_given(given)
    else:
        rate = RateTable(recipe.schedule.rates(steps, recipe.epochs))
        optimizer = OPTIMIZERS[recipe.optimizer](rate, recipe.weight_decay)
    if optimizer.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


class GivenRates:
    """The learning rate of each step by an optimizer that was given: `rates[step]`.

    By its schedule; without one, the rate that it has now, which callbacks may have changed.
    """

    def __init__(self, optimizer: keras.optimizers.Optimizer):
        self.optimizer, self.schedule = optimizer, None
        with hide_tensorflow():
            rate = optimizer.get_config()["learning_rate"]
            if isinstance(rate, dict):
                self.schedule = keras.optimizers.schedules.deserialize(rate)

    def __getitem__(self, step: int) -> float:
        rate = self.schedule(step) if self.schedule else self.optimizer.learning_rate
        return float(keras.ops.convert_to_numpy(rate))


def list_rates(
    recipe: Recipe, steps: int, given: keras.optimizers.Optimizer | None = None
) -> np.ndarray | GivenRates:
    """The learning rate of each step of a training, by its number.

    Args:
        recipe, steps: as `compile_model` takes them.
        given: the optimizer that trains, if it is not the recipe's.
    """
    return recipe.schedule.rates(steps, recipe.epochs) if given is None else GivenRates(given)


class RateTable(keras.optimizers.schedules.LearningRateSchedule):
    """A Keras schedule that reads the rate of each step from an array."""

    def __init__(self, rates: np.ndarray):
        super().__init__()
        self.rates = np.asarray(rates, np.float32)

    def __call__(self, step):
        last = len(self.rates) - 1
        index = keras.ops.minimum(keras.ops.cast(step, "int32"), last)
        return keras.ops.take(keras.ops.convert_to_tensor(self.rates), index)

    def get_config(self):
        return {"rates": self.rates.tolist()}
