"""Training: a job and a run folder -> a trained network and its report."""

import time
from dataclasses import dataclass

import keras
import msgspec
import numpy as np
from rich.console import Console

from residual import backend
from residual._console import print_row, show_work
from residual._text import format_duration
from residual.backend import accelerate
from residual.data.balance import class_weights
from residual.runs import checkpoints
from residual.runs.checkpoints import State
from residual.runs.folder import RunFolder
from residual.runs.history import hash_file
from residual.training import batch_norm
from residual.training.batches import Batches
from residual.training.build import build_model
from residual.training.calibrate import calibrate
from residual.training.callbacks.best_weights import BestWeights
from residual.training.callbacks.tensorboard import show_mistakes
from residual.training.choose import choose_computation
from residual.training.compile import compile_model
from residual.training.epochs import run_epochs
from residual.training.failures import explain_failures, record_failure
from residual.training.forecast import Forecast, measure_forecast
from residual.training.job import Job
from residual.training.job_text import print_job
from residual.training.memory import check_batch
from residual.training.recipe import Recipe
from residual.training.save import save_network
from residual.trust.facts import save_facts


@dataclass(frozen=True)
class Trained:
    """What a training returns.

    Attributes:
        model: the network, its batch-norm statistics recomputed and its probabilities calibrated.
        moving: the moving statistics that it had before (`batch_norm.assign_statistics` puts them back).
        report: what goes into report.json.
    """

    model: keras.Model
    moving: list[np.ndarray]
    report: dict


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
    print_job(job, folder, console)
    data, recipe, given = job.training, job.recipe, job.options.optimizer
    backend.set_seeds(job.options.seed)
    batches = Batches(data.train, len(data.classes), recipe.batch_size, recipe.augment, job.options.seed)
    model, best = build_model(data, job.spec, recipe), BestWeights(recipe.keep, len(data.validation))
    choice = choose_computation(model, batches, job, folder, state, console)
    with accelerate.accelerated(model, choice), explain_failures(job, folder, model, batches, best, choice):
        compile_model(model, recipe, batches.steps, choice, given)
        check_batch(model, choice.precision, choice.batch_size)
        weights = class_weights(data.train.y) if job.options.class_balance == "weights" else None
        with show_work(console, "compiling and timing a few steps"):
            plan = measure_forecast(model, batches, data, job.started, weights)
        if job.options.seconds is not None and state is None:
            recipe = _fit_time_budget(job.options.seconds, plan, recipe, folder, console)
            compile_model(model, recipe, batches.steps, choice, given)
        print_row(console, "plan", plan.format_sentence(recipe.epochs))
        steps = run_epochs(model, data, recipe, batches, weights, best, folder, console, state, job.options)
        best.restore(model)
    if best.epoch:
        print_row(console, "kept", best.describe())
    with record_failure(folder):
        batch_norm.check_statistics(model)
        save_network(model, job, folder)  # kept even if what follows is interrupted
        with show_work(console, "recomputing batch-norm statistics"):
            moving, scores, rows = batch_norm.recompute_and_score(
                model, data, recipe.batch_size, recipe.augment
            )
    with show_work(console, "calibrating the probabilities"):
        trust, calibration = calibrate(model, job, rows)
    save_network(model, job, folder)
    save_facts(trust, folder.path)
    show_mistakes(folder, model, data, recipe.batch_size, best.epoch)
    report = {
        **steps,
        "epochs_asked": recipe.epochs,
        "kept_epoch": best.epoch,
        "kept_reason": best.describe(),
        "precision": choice.precision,
        "train_images": len(data.train),
        "planned_seconds": round(plan.epoch_seconds * recipe.epochs, 2),
        "total_seconds": round(time.perf_counter() - job.started, 2),
        "validation": scores,
        "calibration": calibration,
        "trust": msgspec.to_builtins(trust.summarize()),
        "weights_sha256": batch_norm.hash_weights(model),
        "model_sha256": hash_file(folder.model),
        "data_sha256": job.record.data.data_sha256,
    }
    folder.add_to_report(**report)
    if not steps["interrupted"]:
        checkpoints.remove(folder.checkpoints)
        folder.start.unlink(missing_ok=True)
    return Trained(model, moving, report)


def _fit_time_budget(
    seconds: float, plan: Forecast, recipe: Recipe, folder: RunFolder, console: Console
) -> Recipe:
    """The recipe with as many epochs as end in time; the run's record and the console say so."""
    recipe = recipe.in_epochs(plan.epochs_within(seconds))
    folder.change_record(recipe=recipe.to_table())
    print_row(console, "budget", f"{format_duration(seconds)}: {recipe.epochs} epochs")
    return recipe
