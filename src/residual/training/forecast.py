"""How long a training will take, measured on a few of its own steps before it starts."""

import math
import sys
import time
from dataclasses import dataclass

import keras

from residual._text import format_bytes, format_duration
from residual.data.images import Dataset
from residual.errors import RecipeError
from residual.training.batch_norm import MAX_IMAGES
from residual.training.batches import Batches
from residual.training.distribution import find_link
from residual.training.seeds import assign_seed_states, read_seed_states
from residual.training.sides import Sides

_STEPS, _SECONDS = 8, 2.0  # the probe ends at the first of the two
_FORWARD = 1 / 3  # of a training step's time goes into the forward pass
_SPARE = 0.9  # share of a time budget that is planned for: other work slows a shared machine by a tenth


@dataclass(frozen=True)
class Forecast:
    """What a training will cost.

    Attributes:
        step_seconds: of one training step.
        compile_seconds: of making the step ready, once.
        epoch_seconds: of one epoch, its validation included.
        before_seconds: spent since the training was asked for.
        after_seconds: for batch-norm statistics and the scores after the last epoch, test images included.
        memory: most bytes that the process has held so far; None if the system does not say.
        smaller: (side in pixels, seconds of a step) for each size of smaller images.
    """

    step_seconds: float
    compile_seconds: float
    epoch_seconds: float
    before_seconds: float
    after_seconds: float
    memory: int | None
    smaller: tuple[tuple[int, float], ...] = ()

    def format_sentence(self, epochs: int) -> str:
        """For the user, before training starts."""
        memory = f", {format_bytes(self.memory, binary=True)} of memory" if self.memory else ""
        epoch = (
            format_duration(self.epoch_seconds) if self.epoch_seconds >= 1 else f"{self.epoch_seconds:.1f} s"
        )
        sizes = ", ".join(f"{seconds * 1e3:,.0f} at {side} pixels" for side, seconds in self.smaller)
        step = f"{self.step_seconds * 1e3:,.0f} ms a step{f' ({sizes})' if sizes else ''}"
        epoch += " an epoch on average" if sizes else " an epoch"
        return f"{step}, {epoch}, {format_duration(epochs * self.epoch_seconds + self.after_seconds)} in all{memory}"

    def epochs_within(self, seconds: float, sides: Sides | None = None, steps: int = 0) -> int:
        """How many epochs end, with everything around them, within `seconds` of the start.

        They get a schedule of their own, so that the step of each size is compiled once more.

        Args:
            seconds: from the start to the end.
            sides: the sizes of the images; None if they are never scaled.
            steps: of an epoch.

        Raises:
            RecipeError: if not even one does.
        """
        around = self.before_seconds + self.compile_seconds + self.after_seconds

        def estimate(epochs: int) -> float:
            extra = 0.0
            if sides is not None:  # so many epochs may have another mixture of sizes than the recipe's
                extra = steps * sides.find_extra_seconds(epochs) + len(self.smaller) * self.compile_seconds
            return around + epochs * self.epoch_seconds + extra

        epochs = math.floor((seconds * _SPARE - around) / self.epoch_seconds) + (0 if sides is None else 2)
        while epochs > 0 and estimate(epochs) > seconds * _SPARE:
            epochs -= 1
        if epochs < 1:
            needed = estimate(1) / _SPARE
            raise RecipeError(
                f"`time_budget` of {format_duration(seconds)} is too short: one epoch with everything around it takes "
                f"about {format_duration(needed)}. Give more time, or choose a smaller `model` or `image_size`."
            )
        return epochs


def measure_forecast(
    model: keras.Model,
    batches: Batches,
    data: Dataset,
    started: float,
    class_weights: dict[int, float] | None = None,
    sides: Sides | None = None,
) -> Forecast:
    """Time a few training steps with images of each size; what the steps changed is put back afterwards.

    Args:
        model: compiled; the training uses again what its first step compiles.
        batches: the training batches.
        data: with a validation set.
        started: `time.perf_counter()` when the user asked.
        class_weights: as the training will have them, so that what is compiled here fits it.
        sides: the sizes of the images, set to the last one; None if they are never scaled.
    """
    weights, optimizer = model.get_weights(), [v.numpy() for v in _build_optimizer(model).variables]
    seeds = read_seed_states(model)
    clock = _time_steps(model, batches, class_weights)
    step = clock.step_seconds()
    compiling = max(0.0, clock.first_seconds() - step)
    smaller = {} if sides is None else _time_smaller(model, batches, class_weights, sides)
    model.set_weights(weights)
    assign_seed_states(model, seeds)
    for variable, value in zip(model.optimizer.variables, optimizer, strict=True):
        variable.assign(value)
    batches.begin_at(0)
    batches.waited = 0.0
    forward = step * _FORWARD / batches.batch_size
    average = step
    if sides is not None:
        sides.seconds = {**smaller, sides.list_all()[-1]: step}
        average = sum(sides.list_seconds()) / len(sides.list_seconds())
    return Forecast(
        step_seconds=step,
        compile_seconds=compiling,
        epoch_seconds=average * len(batches) + forward * len(data.validation),
        before_seconds=time.perf_counter() - started,
        after_seconds=forward * _count_final_passes(data),
        memory=peak_memory(),
        smaller=tuple(sorted(smaller.items())),
    )


def _time_smaller(
    model: keras.Model, batches: Batches, class_weights: dict[int, float] | None, sides: Sides
) -> dict[int, float]:
    """Seconds of a step by side, for all sides but the last one, which is used again afterwards."""
    *smaller, last = sides.list_all()
    found = {}
    for side in smaller:
        assert side is not None  # the whole images come last
        sides.use(side)
        found[side] = _time_steps(model, batches, class_weights).step_seconds()
    sides.use(last)
    return found


def _time_steps(model: keras.Model, batches: Batches, class_weights: dict[int, float] | None) -> "_Clock":
    """The times of a few steps on the first batches of the training."""
    # Processes that train together take the same steps, however long they take.
    clock = _Clock(_SECONDS if find_link() is None else math.inf)
    batches.begin_at(0)
    model.fit(
        batches,
        steps_per_epoch=min(_STEPS, len(batches)),
        epochs=1 if len(batches) > 1 else 2,  # the first step compiles: there must be another
        shuffle=False,
        verbose=0,
        class_weight=class_weights,
        callbacks=[clock],
    )
    return clock


def _count_final_passes(data: Dataset) -> int:
    """Images that pass through the network after the last epoch.

    They are those of the statistics, of the scores with the old and the new ones, of TensorBoard's mistakes, and the
    test images.
    """
    return min(len(data.train), MAX_IMAGES) + 3 * len(data.validation) + len(data.test)


def _build_optimizer(model: keras.Model) -> keras.optimizers.Optimizer:
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return model.optimizer


class _Clock(keras.callbacks.Callback):
    """The time of every step; ends the training after so many seconds."""

    def __init__(self, seconds: float):
        super().__init__()
        self.seconds = seconds

    def on_train_begin(self, logs=None):
        self.ends = []

    def on_train_batch_begin(self, batch, logs=None):
        if not self.ends:
            self.began = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.ends.append(time.perf_counter())
        if len(self.ends) > 1 and self.ends[-1] - self.ends[0] > self.seconds:
            self.model.stop_training = True

    def first_seconds(self) -> float:
        """Of the first step, which compiles."""
        return self.ends[0] - self.began

    def step_seconds(self) -> float:
        """Median time of a step after the first, which compiles; that of the first if it is the only one."""
        steps = sorted(b - a for a, b in zip(self.ends, self.ends[1:], strict=False))
        return steps[len(steps) // 2] if steps else self.first_seconds()


def peak_memory() -> int | None:
    """Most bytes that this process has held in memory, or None if the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
