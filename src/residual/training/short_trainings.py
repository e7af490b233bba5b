"""A few short trainings of a recipe, each with its whole schedule: what they reach, and what longer ones would take."""

import math
import time
from dataclasses import dataclass, replace

import keras
import numpy as np
from rich.console import Console

from residual import backend
from residual._console import print_row, show_work
from residual._text import format_duration
from residual.backend import accelerate
from residual.backend.choice import Choice, choose
from residual.data.balance import class_weights
from residual.data.images import Dataset
from residual.errors import RecipeError
from residual.training import batch_norm
from residual.training.batches import Batches, in_order
from residual.training.build import build_model
from residual.training.callbacks.average_weights import AverageWeights
from residual.training.compile import compile_model, make_optimizer
from residual.training.forecast import Forecast, measure_forecast
from residual.training.job import Job
from residual.training.learning_curve import Point
from residual.training.phases import Phases
from residual.training.recipe import Recipe

_LENGTHS = 3  # trainings, each twice as long as the one before
_SHORTEST = 1 / 64  # of an epoch
_STATISTICS = 2_000  # images that batch-norm statistics are recomputed on


@dataclass(frozen=True)
class Timed:
    """What a recipe costs here.

    Attributes:
        forecast: of its whole training.
        choice: how it is computed.
    """

    forecast: Forecast
    choice: Choice

    def estimate_seconds(self, epochs: float) -> float:
        """Of a training in so many epochs, with everything around it but the test."""
        around = self.forecast.before_seconds + self.forecast.compile_seconds + self.forecast.after_seconds
        return around + epochs * self.forecast.epoch_seconds


def time_recipe(job: Job, reading: float, console: Console) -> Timed:
    """Compile the recipe's network and time a few of its steps; the network is thrown away.

    Args:
        job: what would be trained; its test images are not read.
        reading: seconds that reading the images took.
        console: for what takes time.
    """
    recipe, data, started = job.recipe, job.training, time.perf_counter() - reading
    backend.set_seeds(job.options.seed)
    batches = _make_batches(data, recipe, job)
    model = build_model(data, job.spec, recipe)
    choice = choose(
        model,
        min(recipe.batch_size, len(data.train)),
        make_optimizer(recipe, batches.steps),
        job.options.precision,
        announce=lambda text: print_row(console, "numbers", text),
    )
    phases = _make_phases(model, recipe, batches, choice)
    with accelerate.accelerated(model, choice), show_work(console, f"timing a few steps of {recipe.name}"):
        phases.enter_last()
        forecast = measure_forecast(model, batches, data, started, _find_weights(job, data), phases.sides)
    return Timed(forecast, choice)


def choose_lengths(timed: Timed, seconds: float, epochs: int) -> list[float]:
    """How many epochs the short trainings have: powers of two, the longest as long as the time allows.

    Args:
        timed: the recipe.
        seconds: for all of them.
        epochs: of the recipe; the longest training has at most half as many.

    Raises:
        RecipeError: if the time does not suffice.
    """
    each = timed.forecast.compile_seconds + 0.1 * min(1.0, timed.forecast.epoch_seconds)
    longest = 2.0 ** math.floor(math.log2(max(1, epochs // 2)))
    total = 2 - 2.0 ** (1 - _LENGTHS)  # of the longest, all together
    while _LENGTHS * each + total * longest * timed.forecast.epoch_seconds > seconds:
        longest /= 2
        if longest < _SHORTEST * 2 ** (_LENGTHS - 1):
            needed = _LENGTHS * each + total * _SHORTEST * 4 * timed.forecast.epoch_seconds
            raise RecipeError(
                f"`probe_budget` of {format_duration(seconds)} is too short: the shortest trainings take about "
                f"{format_duration(math.ceil(needed))}. Give more time."
            )
    return [longest / 2**number for number in reversed(range(_LENGTHS))]


def train_briefly(job: Job, timed: Timed, epochs: float) -> Point:
    """Train a new network for so many epochs and count what it has right of the validation images.

    Args:
        job: what is trained on what.
        timed: how it is computed.
        epochs: a whole number, or less than 1 for one pass over as large a share of the images.
    """
    data, recipe = job.training, job.recipe.in_epochs(max(1, round(epochs)))
    if epochs < 1:
        order = np.random.default_rng(job.options.seed).permutation(len(data.train))
        data = replace(data, train=data.train.take(np.sort(order[: max(1, round(epochs * len(order)))])))
    backend.set_seeds(job.options.seed)
    batches = _make_batches(data, recipe, job)
    model = build_model(data, job.spec, recipe)
    phases = _make_phases(model, recipe, batches, timed.choice)
    with accelerate.accelerated(model, timed.choice):
        _fit(model, recipe, batches, phases, _find_weights(job, data))
        phases.sides.restore()
        if recipe.statistics == "batch":
            batch_norm.recompute_batch_norm(
                model, data.train, recipe.batch_size, recipe.augment, max_images=_STATISTICS
            )
        validation = job.training.validation
        rows = model.predict(in_order(validation, len(data.classes), recipe.batch_size), verbose=0)
    return Point(epochs, int((rows.argmax(1) == validation.y).sum()), len(validation))


def _find_weights(job: Job, data: Dataset) -> dict[int, float] | None:
    """What the loss of each class is multiplied by; None if all count the same."""
    return class_weights(data.train.y) if job.options.class_balance == "weights" else None


def _fit(
    model: keras.Model, recipe: Recipe, batches: Batches, phases: Phases, weights: dict[int, float] | None
) -> None:
    averaging = [AverageWeights(recipe.average, recipe.epochs * batches.steps)] if recipe.average else []
    epoch = 0
    while epoch < recipe.epochs:
        phases.enter(epoch)
        batches.begin_at(epoch)
        end = phases.end_of(epoch)
        model.fit(
            batches,
            initial_epoch=epoch,
            epochs=end,
            shuffle=False,
            verbose=0,
            callbacks=averaging,
            class_weight=weights,
        )
        epoch = end
    for callback in averaging:
        callback.on_test_begin()  # the averages stay in the model


def _make_batches(data: Dataset, recipe: Recipe, job: Job) -> Batches:
    return Batches(data.train, len(data.classes), recipe.batch_size, recipe.augment, job.options.seed)


def _make_phases(model: keras.Model, recipe: Recipe, batches: Batches, choice: Choice) -> Phases:
    return Phases(model, recipe, lambda: compile_model(model, recipe, batches.steps, choice), batches)
