"""Training: a job and a run folder -> a trained network and its report."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import keras
import msgspec
import numpy as np
from rich.console import Console

from residual import backend
from residual._console import print_row, show_work
from residual._text import format_duration
from residual.backend import accelerate
from residual.backend.distribution import use_one_device
from residual.backend.quiet import allow_retracing
from residual.data.balance import class_weights
from residual.data.images import Images
from residual.data.pixel_store import list_unreadable
from residual.runs import checkpoints
from residual.runs.checkpoints import State
from residual.runs.folder import RunFolder
from residual.runs.history import hash_file
from residual.training import batch_norm, distribution
from residual.training.batches import Batches
from residual.training.build import build_model
from residual.training.calibrate import calibrate
from residual.training.callbacks.best_weights import BestWeights
from residual.training.callbacks.tensorboard import show_mistakes
from residual.training.choose import choose_computation
from residual.training.compile import compile_model
from residual.training.depth import unfreeze_all
from residual.training.epochs import run_epochs
from residual.training.failures import explain_failures, record_failure
from residual.training.forecast import Forecast, measure_forecast
from residual.training.job import Job
from residual.training.job_text import print_job
from residual.training.memory import check_batch
from residual.training.phases import Phases
from residual.training.recipe import Recipe
from residual.training.save import save_network
from residual.training.score import describe_fitted, make_best, score_start, score_validation
from residual.trust.facts import save_facts


@dataclass(frozen=True)
class Trained:
    """What a training returns.

    Attributes:
        model: the network, its batch-norm statistics recomputed and its probabilities calibrated.
        moving: the moving statistics that it had before (`batch_norm.assign_statistics` puts them back).
        report: what goes into report.json.
        read_features: as `Job` has it.
    """

    model: keras.Model
    moving: list[np.ndarray]
    report: dict
    read_features: Callable[[Images], np.ndarray] | None = None


@allow_retracing()
def fit(job: Job, folder: RunFolder, console: Console, state: State | None = None) -> Trained:
    """Train on `job.training`, choose the epoch on its validation images, never read its test images.

    Ctrl-C ends the training after the current step; the epoch that the recipe prefers so far is kept.

    Args:
        job: what is trained on what.
        folder: where log, checkpoints, network and report go.
        console: where progress is shown.
        state: of an interrupted training, to resume from; None begins.

    Raises:
        RunError: if the loss or a batch norm's statistics are not finite any more, or memory runs out.
    """
    distribution.check_recipe(job.recipe)
    print_job(job, folder, console)
    backend.set_seeds(job.options.seed)
    with distribution.place_variables():
        model = build_model(job.training, job.spec, job.recipe)
    best = make_best(job)
    if job.recipe.epochs:
        recipe, steps = _train(model, best, job, folder, console, state)
    else:
        recipe, steps = (
            job.recipe,
            describe_fitted(len(job.training.train), time.perf_counter() - job.started),
        )
    with record_failure(folder):
        batch_norm.check_statistics(model)
        if recipe.epochs:
            save_network(model, job, folder)  # kept even if what follows is interrupted
        with show_work(console, "recomputing batch-norm statistics"):
            moving, scores, rows = score_validation(model, job, best)
    unfreeze_all(model)
    with show_work(console, "calibrating the probabilities"):
        trust, calibration = calibrate(model, job, rows)
    save_network(model, job, folder)
    unreadable = distribution.gather("unreadable", list_unreadable(job.training.train.x))
    if not folder.writes:
        return Trained(model, moving, steps)
    save_facts(trust, folder.path)
    model = distribution.take_off(model, folder)
    with use_one_device():
        show_mistakes(folder, model, job.training, recipe.batch_size, best.epoch)
    report = {
        **steps,
        "epochs_asked": recipe.epochs,
        "kept_epoch": best.epoch,
        "kept_reason": best.describe(),
        "train_images": len(job.training.train),
        "total_seconds": round(time.perf_counter() - job.started, 2),
        "validation": scores,
        "calibration": calibration,
        "trust": msgspec.to_builtins(trust.summarize()),
        "weights_sha256": batch_norm.hash_weights(model),
        "model_sha256": hash_file(folder.model),
        "data_sha256": job.record.data.data_sha256,
    }
    if unreadable:
        report["unreadable"] = unreadable
    folder.add_to_report(**report)
    if not steps["interrupted"]:
        checkpoints.remove(folder.checkpoints)
        folder.start.unlink(missing_ok=True)
    return Trained(model, moving, report, job.read_features)


def _train(
    model: keras.Model,
    best: BestWeights,
    job: Job,
    folder: RunFolder,
    console: Console,
    state: State | None,
) -> tuple[Recipe, dict]:
    """Train the network and give it the weights that the recipe prefers; the recipe, and how it went."""
    data, recipe, given = job.training, job.recipe, job.options.optimizer
    batches = Batches(data.train, len(data.classes), recipe.batch_size, recipe.augment, job.options.seed)
    choice = choose_computation(model, batches, job, folder, state, console)

    def make_phases(recipe: Recipe) -> Phases:
        def compile_ready() -> None:
            with distribution.place_variables():
                compile_model(model, recipe, batches.steps, choice, given)
            distribution.make_ready(model)

        return Phases(model, recipe, compile_ready, batches)

    phases = make_phases(recipe)
    with accelerate.accelerated(model, choice), explain_failures(job, folder, model, batches, best, choice):
        phases.enter_last()
        check_batch(model, choice.precision, choice.batch_size)
        weights = class_weights(data.train.y) if job.options.class_balance == "weights" else None
        with show_work(console, "compiling and timing a few steps"):
            plan = measure_forecast(model, batches, data, job.started, weights, phases.sides)
        if job.options.seconds is not None and state is None:
            recipe = _fit_time_budget(
                job.options.seconds, plan, recipe, folder, console, phases, batches.steps
            )
            seconds = phases.sides.seconds
            phases.sides.restore()
            phases = make_phases(recipe)
            phases.sides.seconds = seconds
            phases.enter_last()
        print_row(console, "plan", plan.format_sentence(recipe.epochs))
        if recipe.head == "fitted" and state is None:
            score_start(model, data, recipe.batch_size, best, console)
        steps = run_epochs(
            model, data, recipe, batches, weights, best, folder, console, state, job.options, phases
        )
        phases.sides.restore()
        best.restore(model)
    if text := best.describe():
        print_row(console, "kept", text)
    planned = {"precision": choice.precision, "planned_seconds": round(plan.epoch_seconds * recipe.epochs, 2)}
    return recipe, {**steps, **planned}


def _fit_time_budget(
    seconds: float,
    plan: Forecast,
    recipe: Recipe,
    folder: RunFolder,
    console: Console,
    phases: Phases,
    steps: int,
) -> Recipe:
    """The recipe with as many epochs as end in time; the run's record and the console say so."""
    epochs = distribution.agree("epochs", lambda: plan.epochs_within(seconds, phases.sides, steps))
    recipe = recipe.in_epochs(epochs)
    folder.change_record(recipe=recipe.to_table())
    print_row(console, "budget", f"{format_duration(seconds)}: {recipe.epochs} epochs")
    return recipe
