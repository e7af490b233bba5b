"""A training that cannot go on: what happened, what is kept, and what to try."""

import contextlib
import time
from collections.abc import Callable, Iterator

import keras

from residual import backend
from residual.backend.gradients import gradient_norm
from residual.errors import RunError
from residual.training import checkpoints
from residual.training.batches import Batches
from residual.training.callbacks import Best, LossIsNoNumber
from residual.training.memory import batch_that_fits
from residual.training.recipes import Recipe
from residual.training.runs import RunFolder


@contextlib.contextmanager
def told(
    folder: RunFolder,
    model: keras.Model,
    batches: Batches,
    recipe: Recipe,
    best: Best,
    save: Callable[[keras.Model], None],
) -> Iterator[None]:
    """Turn a loss that is no number, and memory that does not suffice, into a RunError; report.json keeps its text.

    Args:
        folder: of the run.
        model, batches, recipe: what is trained on what, and how.
        best: the best weights so far, which are saved.
        save: writes the network.
    """
    try:
        yield
        return
    except LossIsNoNumber as found:
        text = _no_number(found, folder, model, batches, recipe) + _kept(folder, model, best, save)
    except Exception as error:
        if not backend.is_out_of_memory(error):
            raise
        fits = min(batch_that_fits(model, folder.asked["precision"]), batches.batch_size // 2)
        text = (
            f"The memory does not suffice for batches of {batches.batch_size:,} images: "
            + (f"`batch_size` {fits} should fit, and " if fits else "")
            + "a smaller `image_size` or `model` needs less."
            + _kept(folder, model, best, save)
        )
    folder.add_to_report(failure=text, failed=time.strftime("%Y-%m-%dT%H:%M:%S%z"))
    raise RunError(text)


def _no_number(
    found: LossIsNoNumber, folder: RunFolder, model: keras.Model, batches: Batches, recipe: Recipe
) -> str:
    x, y = batches[found.batch]
    norms = f"The norm of the gradient was {gradient_norm(model, x, y):.3g}"
    state = next((state for _, state in checkpoints.newest(folder.checkpoints) if state), None)
    if state is not None:
        model.set_weights(state.named("weights"))
        norms += f", and {gradient_norm(model, x, y):.3g} on the same images with the weights of step {state.step:,}"
    within = batches.first + found.batch
    step = found.epoch * batches.steps + within
    rate = recipe.schedule.rates(batches.steps, recipe.epochs)[step]
    precision = folder.asked["precision"]
    other = f"`precision` float32 (this was {precision}), " if precision != "float32" else ""
    return (
        f"The loss became {found.loss} at step {step + 1:,} (step {within + 1:,} of epoch {found.epoch + 1}), at the "
        f"learning rate {rate:.3g}. {norms}. To try: a lower rate or a longer warm-up (write the recipe of "
        f"{folder.path / 'run.toml'} into a .toml of your own, change it, and give it as `recipe`), {other}and "
        "residual audit for damaged images."
    )


def _kept(folder: RunFolder, model: keras.Model, best: Best, save: Callable[[keras.Model], None]) -> str:
    """Save the best network so far; what of the run is kept, for the user."""
    kept = []
    if found := checkpoints.found(folder.checkpoints):
        kept.append(f"the checkpoint of step {checkpoints.step_of(found[0]):,}")
    if best.epoch:
        best.restore(model)
        save(model)
        kept.append(f"the best network so far, of epoch {best.epoch}, as model.keras")
    return f" Kept in {folder.path}: {' and '.join(kept)}." if kept else ""
