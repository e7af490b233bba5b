"""How a network is computed while it is trained here: as the run's record says, or measured and written there."""

from dataclasses import asdict
from functools import partial

import keras
from rich.console import Console

from residual._console import print_row
from residual.backend import processor
from residual.backend.choice import Choice, choose, is_valid
from residual.errors import RunError
from residual.runs.checkpoints import State
from residual.runs.folder import RunFolder
from residual.training.batches import Batches
from residual.training.compile import make_optimizer
from residual.training.distribution import agree
from residual.training.job import Job
from residual.training.memory import check_batch


def choose_computation(
    model: keras.Model, batches: Batches, job: Job, folder: RunFolder, state: State | None, console: Console
) -> Choice:
    """Precision, and the fastest way of each layer; the console says why.

    Args:
        model: the network, not compiled.
        batches: what it is trained on.
        job: what was asked; its record has the answers if the run began before.
        folder: of the run; its record gets the answers if it has none.
        state: of an interrupted training; None begins.
        console: for the reason.

    Raises:
        RecipeError: if a batch does not fit in memory.
        RunError: if the run's record is damaged.
    """
    size, precision = min(batches.batch_size, len(batches.images)), job.record.precision
    if job.record.fastest is not None or state is not None:
        choice = _read_choice(folder, precision, size, job.record.fastest or {})
        print_row(console, "numbers", choice.reason)
        return choice
    check_batch(model, _find_smallest_precision(precision), size)

    def measure() -> dict:
        optimizer = make_optimizer(job.recipe, batches.steps, job.options.optimizer)
        announce = partial(print_row, console, "numbers")
        return asdict(choose(model, size, optimizer, precision, announce=announce))

    choice = Choice(**agree("choice", measure))
    print_row(console, "numbers", choice.reason)
    folder.change_record(precision=choice.precision, fastest=choice.answers)
    return choice


def _read_choice(folder: RunFolder, precision: str, size: int, answers: dict) -> Choice:
    if not all(map(is_valid, answers, answers.values())):
        raise RunError(
            f"The table [fastest] of {folder.path / 'run.toml'} is damaged. Put it back as it was."
        )
    return Choice(precision, size, answers, f"{precision}, as the run began")


def _find_smallest_precision(precision: str) -> str:
    """The precision that needs least memory, of those that a measurement may choose."""
    if precision != "auto":
        return precision
    return "float32" if processor.multiplies_bfloat16() is False else "bfloat16"
