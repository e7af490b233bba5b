"""A learning-rate range test: the loss of each step while the rate rises (arXiv:1506.01186)."""

import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from residual import backend
from residual.backend import accelerate
from residual.errors import RecipeError
from residual.training.batches import Batches
from residual.training.build import build_model
from residual.training.compile import RateTable, compile_model
from residual.training.job import Job
from residual.training.phases import Phases

_WIDTH = 4.0  # steps, the deviation of the Gaussian that losses are averaged with
_RECENT = 5  # losses whose mean says whether the test has diverged
_DIVERGED = 3.0  # times the loss between the first and the lowest one: the test ends
_LEAST_DROP = 0.05  # share of the first loss that must be lost before a rate is suggested


@dataclass(frozen=True, eq=False)
class RateTest:
    """What a range test found.

    Attributes:
        rates: (n,) the rate of each step.
        losses: (n,) of the batches, each before its step.
        smoothed: (n,) their average over neighbouring steps.
        suggested: the rate to use as the highest one, at which the loss falls fastest for each tenfold rate; None if
            the loss did not fall.
        lowest: the rate of the lowest smoothed loss.
        diverged: the rate at which the test ended because the loss rose or was not finite; None if it ran to its end.
        recipe_rate: the highest rate of the recipe.
        network, recipe, optimizer, data: their names.
        batch_size: images per step.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggested: float | None
    lowest: float
    diverged: float | None
    recipe_rate: float
    network: str
    recipe: str
    optimizer: str
    data: str
    batch_size: int

    def to_dict(self) -> dict[str, Any]:
        """As plain values; a loss that is not finite is None."""
        curve = [
            {"rate": float(rate), "loss": _finite(loss), "smoothed": _finite(smooth)}
            for rate, loss, smooth in zip(self.rates, self.losses, self.smoothed, strict=True)
        ]
        facts = ("network", "recipe", "optimizer", "data", "batch_size", "recipe_rate")
        found = ("suggested", "lowest", "diverged")
        return {**{name: getattr(self, name) for name in (*facts, *found)}, "curve": curve}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def run_rate_test(job: Job, steps: int, lowest: float, highest: float) -> RateTest:
    """Train `steps` steps at a rate that rises from `lowest` to `highest`; the network is thrown away.

    Args:
        job: what would be trained; its validation and test images are not used.
        steps: at least 20.
        lowest, highest: rates, above 0.

    Raises:
        RecipeError: for other steps or rates, or a job that trains no epochs.
    """
    _check(job, steps, lowest, highest)
    recipe, data = job.recipe, job.training
    backend.set_seeds(job.options.seed)
    batches = Batches(data.train, len(data.classes), recipe.batch_size, recipe.augment, job.options.seed)
    model = build_model(data, job.spec, recipe)
    rates = np.geomspace(lowest, highest, steps).astype(np.float32)
    phases = Phases(model, recipe, lambda: compile_model(model, recipe, batches.steps), batches)
    with accelerate.accelerated(model):
        phases.enter_last()
        model.optimizer.learning_rate = RateTable(rates)
        watch = _Watch(steps)
        batches.begin_at(0)
        model.fit(batches, epochs=-(-steps // batches.steps), shuffle=False, verbose=0, callbacks=[watch])
    return _summarize(job, rates[: len(watch.losses)], np.array(watch.losses), steps)


def _check(job: Job, steps: int, lowest: float, highest: float) -> None:
    if not job.recipe.epochs:
        raise RecipeError(f"recipe {job.recipe.name} trains no epochs: there is no rate to find.")
    if not isinstance(steps, int) or steps < 20:
        raise RecipeError(f"steps must be a whole number from 20; got {steps}.")
    if not 0 < lowest < highest < 1e6:
        raise RecipeError(f"lowest must be above 0 and below highest; got {lowest:g} and {highest:g}.")


class _Watch(keras.callbacks.Callback):
    """The loss of each batch; ends the training when the loss has risen far above the lowest one."""

    def __init__(self, steps: int):
        super().__init__()
        self.steps, self.losses = steps, []

    def on_epoch_begin(self, epoch, logs=None):
        self._sum, self._count = 0.0, 0

    def on_train_batch_end(self, batch, logs=None):
        mean = float(logs["loss"])  # of the epoch so far
        self._count += 1
        self.losses.append(mean * self._count - self._sum)
        self._sum = mean * self._count
        if len(self.losses) >= self.steps or self._has_diverged():
            self.model.stop_training = True

    def _has_diverged(self) -> bool:
        if not math.isfinite(self.losses[-1]):
            return True
        means = [float(np.mean(self.losses[i : i + _RECENT])) for i in range(len(self.losses) - _RECENT + 1)]
        if len(means) < 2:
            return False
        first, low = means[0], min(means)
        return means[-1] > low + _DIVERGED * max(first - low, 0.1 * first)


def smooth(losses: np.ndarray) -> np.ndarray:
    """The average of each loss (n,) and its neighbours on both sides, without a lag; NaN counts as missing."""
    steps, finite = np.arange(len(losses)), np.isfinite(losses)
    weights = np.exp(-0.5 * ((steps[:, None] - steps) / _WIDTH) ** 2) * finite
    return (weights @ np.where(finite, losses, 0)) / weights.sum(1)


def find_rates(rates: np.ndarray, smoothed: np.ndarray) -> tuple[float | None, float]:
    """The suggested rate, at which the loss falls fastest, and that of the lowest loss.

    Args:
        rates, smoothed: (n,), the rates rising.
    """
    low = int(np.argmin(smoothed))
    if low < 1 or smoothed[: low + 1].max() - smoothed[low] <= _LEAST_DROP * abs(smoothed[0]):
        return None, float(rates[low])
    slopes = np.gradient(smoothed, np.log10(rates))
    return float(f"{rates[int(np.argmin(slopes[: low + 1]))]:.1e}"), float(rates[low])


def _summarize(job: Job, rates: np.ndarray, losses: np.ndarray, steps: int) -> RateTest:
    smoothed = smooth(losses)
    suggested, lowest = find_rates(rates, smoothed)
    return RateTest(
        rates=rates,
        losses=losses,
        smoothed=smoothed,
        suggested=suggested,
        lowest=lowest,
        diverged=float(rates[-1]) if len(losses) < steps else None,
        recipe_rate=float(job.recipe.schedule.rates(100, job.recipe.epochs).max()),
        network=job.spec.name,
        recipe=job.recipe.name,
        optimizer=job.recipe.optimizer,
        data=job.data.name,
        batch_size=job.recipe.batch_size,
    )
