"""Which recipe, in how many epochs, should reach an accuracy: from short trainings and what recipes reached before."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from msgspec.structs import replace as change_options
from rich.console import Console

from residual._console import print_row, show_work
from residual._text import format_duration
from residual.backend.quiet import allow_retracing
from residual.errors import RecipeError
from residual.training.find_recipe import choose_recipe
from residual.training.job import Job
from residual.training.learning_curve import LearningCurve, Point, Prediction
from residual.training.measured import Measured, list_recipes_for, read_measured
from residual.training.recipe import Recipe
from residual.training.short_trainings import Timed, choose_lengths, time_recipe, train_briefly

_FURTHEST = 32  # times the longest short training; nothing is said about longer ones
_LONGER = 2  # times the epochs of a recipe; nobody measured it so far from what it was made for


@dataclass(frozen=True)
class Plan:
    """What should reach a target.

    Attributes:
        data, target: what was asked; the target from 0 to 1.
        recipe, network: their names.
        epochs: most likely enough; None if the target is beyond what can be predicted.
        seconds: of a training in so many epochs on this machine.
        safe_epochs, safe_seconds: enough in nine of ten cases; None if no length in sight is.
        prediction: after `epochs`, or after the longest training that is predicted if that is None.
        longest: epochs of the longest training that is predicted.
        points: the short trainings, on `images` validation images each.
        measured: what the recipe reached on test images of this data before; None if it was not measured.
        reason: in a sentence, why there is no plan; "" if there is one.
    """

    data: str
    target: float
    recipe: str
    network: str
    epochs: int | None
    seconds: float | None
    safe_epochs: int | None
    safe_seconds: float | None
    prediction: Prediction
    longest: int
    points: tuple[Point, ...]
    measured: Measured | None
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        values = {name: value for name, value in vars(self).items() if name not in ("points", "measured")}
        points = [{**vars(point), "accuracy": point.accuracy} for point in self.points]
        return {
            **values,
            "prediction": vars(self.prediction),
            "points": points,
            "measured": None if self.measured is None else vars(self.measured),
        }


@allow_retracing()
def make_plan(job: Job, target: float, seconds: float, console: Console) -> Plan:
    """Time the recipes that may do, train the fastest of them briefly, and predict.

    Args:
        job: the data, and the recipe that was asked for.
        target: accuracy, 0 to 1.
        seconds: for the short trainings.
        console: for what takes time.

    Raises:
        RecipeError: if the recipe trains no epochs, or the time does not suffice.
    """
    job, timed = _choose_job(job, target, console)
    points = []
    for epochs in choose_lengths(timed, seconds, job.recipe.epochs):
        with show_work(console, f"training for {format_epochs(epochs)}"):
            points.append(train_briefly(job, timed, epochs))
        point = points[-1]
        print_row(
            console,
            "probe",
            f"{format_epochs(epochs)}: validation accuracy {point.accuracy:.1%} of {point.images:,}",
        )
    return predict(job, target, timed, points)


def format_epochs(epochs: float) -> str:
    """ "4 epochs", "1 epoch", "1/4 of an epoch"."""
    if epochs < 1:
        return f"1/{round(1 / epochs)} of an epoch"
    return f"{epochs:g} epoch{'s' * (epochs > 1)}"


def _choose_job(job: Job, target: float, console: Console) -> tuple[Job, Timed]:
    """The job with the recipe that should reach the target soonest, and what that costs.

    Among recipes that were measured to reach it, the whole time decides. If none was, the one that came nearest is
    taken; for data on which none was measured, the usual recipe.
    """
    if not job.recipe.epochs:
        raise RecipeError(f"recipe {job.recipe.name} trains no epochs: there is nothing to plan.")
    asked = job.options.recipe != "default" or job.options.model is not None
    jobs = [job] if asked else [_with_recipe(job, recipe) for recipe in _list_able(job, target)] or [job]
    reading = time.perf_counter() - job.started
    timed = [time_recipe(one, reading, console) for one in jobs]
    best = min(range(len(jobs)), key=lambda i: timed[i].estimate_seconds(jobs[i].recipe.epochs))
    for one, cost in zip(jobs, timed, strict=True):
        whole = format_duration(cost.estimate_seconds(one.recipe.epochs))
        print_row(console, "recipe", f"{one.recipe.name}: {one.recipe.epochs} epochs in {whole}")
    return jobs[best], timed[best]


def _list_able(job: Job, target: float) -> list[Recipe]:
    """The recipes that were measured to reach the target, or else the one that came nearest; [] without any."""
    reached = [
        (measured.accuracy, recipe)
        for recipe in list_recipes_for(job.options)
        if (measured := read_measured(recipe)) is not None
    ]
    able = [recipe for accuracy, recipe in reached if accuracy >= target]
    return able or [recipe for _, recipe in sorted(reached, key=lambda pair: pair[0])[-1:]]


def _with_recipe(job: Job, recipe: Recipe) -> Job:
    if recipe.name == job.recipe.name:
        return job
    options = change_options(job.options, recipe=recipe)
    chosen, spec = choose_recipe(options, job.data.name)
    assert spec is not None  # no trained weights are named
    return replace(job, options=options, recipe=chosen, spec=spec)


def predict(job: Job, target: float, timed: Timed, points: Sequence[Point]) -> Plan:
    """The plan that follows from short trainings.

    Args:
        job: with the recipe that was trained.
        target: accuracy, 0 to 1.
        timed: what the recipe costs.
        points: the short trainings.
    """
    made_for = [recipe.name for recipe in list_recipes_for(job.options)]
    measured = read_measured(job.recipe) if job.recipe.name in made_for else None
    anchor = None
    if measured is not None:
        anchor = Point(measured.epochs, round(measured.accuracy * measured.images), measured.images)
    curve = LearningCurve(points, len(job.data.classes), anchor)
    most = max(1, int(min(_LONGER * job.recipe.epochs, _FURTHEST * max(point.epochs for point in points))))
    most = measured.epochs if measured is not None else most
    epochs, safe = curve.find_epochs(target, most), curve.find_safe_epochs(target, most)
    return Plan(
        data=job.data.name,
        target=target,
        recipe=job.recipe.name,
        network=job.spec.name,
        epochs=epochs,
        seconds=None if epochs is None else timed.estimate_seconds(epochs),
        safe_epochs=safe,
        safe_seconds=None if safe is None else timed.estimate_seconds(safe),
        prediction=curve.predict(most if epochs is None else epochs),
        longest=most,
        points=tuple(points),
        measured=measured,
        reason="" if epochs is not None else _explain(target, measured, most),
    )


def _explain(target: float, measured: Measured | None, most: int) -> str:
    if measured is not None:
        return (
            f"{target:.1%} is beyond what the recipe was measured to reach, {measured.accuracy:.1%} of "
            f"{measured.images:,} test images in {measured.epochs} epochs"
        )
    return (
        f"{target:.1%} is not predicted for any training of up to {format_epochs(most)}, the longest that these short "
        "trainings say something about"
    )
