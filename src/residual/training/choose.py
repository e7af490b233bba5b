"""How a network is computed while it is trained here: as the run's record says, or measured and written there."""

import keras
from rich.console import Console

from residual.backend import processor
from residual.backend.choice import Choice, choose, is_valid
from residual.errors import RunError
from residual.runs.checkpoints import State
from residual.runs.folder import RunFolder
from residual.training.batches import Batches
from residual.training.compile import make_optimizer
from residual.training.memory import check_batch
from residual.training.recipe import Recipe


def choose_computation(
    model: keras.Model,
    batches: Batches,
    recipe: Recipe,
    folder: RunFolder,
    precision: str,
    state: State | None,
    console: Console,
) -> Choice:
    """Precision, and the fastest way of each layer; the console says why.

    Args:
        model: the network, not compiled.
        batches: what it is trained on.
        recipe: how to train.
        folder: of the run; its record has the answers if the run began before, and gets them if not.
        precision: as asked, or as the run began.
        state: of an interrupted training; None begins.
        console: for the reason.

    Raises:
        RecipeError: if a batch does not fit in memory.
        RunError: if the run's record is damaged.
    """
    size = min(batches.batch_size, len(batches.images))
    recorded = folder.record.fastest
    if recorded is not None or state is not None:
        choice = _read_choice(folder, precision, size, recorded or {})
    else:
        check_batch(model, _find_smallest_precision(precision), size)
        choice = choose(
            model,
            size,
            make_optimizer(recipe, batches.steps),
            precision,
            announce=lambda text: print_line(console, "numbers", text),
        )
        folder.change_record(precision=choice.precision, fastest=choice.answers)
    print_line(console, "numbers", choice.reason)
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


def print_line(console: Console, label: str, text: str) -> None:
    """Print a line of the plan."""
    console.print(f"{label:8} {text}", highlight=False, soft_wrap=True, markup=False)
