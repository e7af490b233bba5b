"""A training that cannot continue: what happened, what is kept, and what to try."""

import contextlib
import time
from collections.abc import Iterator

import keras

from residual import backend
from residual.backend.choice import Choice
from residual.backend.gradients import gradient_norm
from residual.errors import RunError
from residual.runs import checkpoints
from residual.runs.folder import RunFolder
from residual.training.batches import Batches
from residual.training.callbacks.best_weights import BestWeights
from residual.training.callbacks.stop_on_nan import LossNotFinite
from residual.training.compile import list_rates
from residual.training.job import Job
from residual.training.memory import find_fitting_batch
from residual.training.recipe import Recipe
from residual.training.save import save_network


@contextlib.contextmanager
def explain_failures(
    job: Job, folder: RunFolder, model: keras.Model, batches: Batches, best: BestWeights, choice: Choice
) -> Iterator[None]:
    """Turn a loss that is not finite, and memory that runs out, into a RunError; report.json keeps its text.

    Args:
        job: what is trained on what.
        folder: of the run.
        model, batches: what is trained.
        best: the best weights so far, which are saved.
        choice: how it is computed.
    """
    try:
        yield
        return
    except LossNotFinite as found:
        text = _explain_loss(found, job, folder, model, batches, choice)
    except Exception as error:
        if not backend.is_out_of_memory(error):
            raise
        fits = min(find_fitting_batch(model, choice.precision), batches.batch_size // 2)
        text = (
            f"Memory does not suffice for batches of {batches.batch_size:,} images: "
            + (f"`batch_size` {fits} should fit, and " if fits else "")
            + "a smaller `image_size` or `model` needs less."
        )
    text += _keep_best(job, folder, model, best)
    _write_failure(folder, text)
    raise RunError(text)


@contextlib.contextmanager
def record_failure(folder: RunFolder) -> Iterator[None]:
    """Write the text of a RunError into report.json, so that the run counts as failed.

    Args:
        folder: of the run.
    """
    try:
        yield
    except RunError as error:
        _write_failure(folder, str(error))
        raise


def _write_failure(folder: RunFolder, text: str) -> None:
    folder.add_to_report(failure=text, failed=time.strftime("%Y-%m-%dT%H:%M:%S%z"))


def _explain_loss(
    found: LossNotFinite, job: Job, folder: RunFolder, model: keras.Model, batches: Batches, choice: Choice
) -> str:
    x, y = batches.read_batch(found.batch)
    norms = f"The norm of the gradient was {gradient_norm(model, x, y):.3g}"
    state = next((state for _, state in checkpoints.newest(folder.checkpoints) if state), None)
    if state is not None:
        model.set_weights(state.named("weights"))
        norms += f", and {gradient_norm(model, x, y):.3g} on the same images with the weights of step {state.step:,}"
    within = batches.first + found.batch
    step = found.epoch * batches.steps + within
    recipe = Recipe.from_table(folder.record.recipe)  # a time budget may have changed its epochs
    rate = list_rates(recipe, batches.steps, model.optimizer if job.options.optimizer else None)[step]
    other = "`precision` float32 (this was bfloat16), " if choice.precision == "bfloat16" else ""
    return (
        f"The loss became {found.loss} at step {step + 1:,} (step {within + 1:,} of epoch {found.epoch + 1}), at the "
        f"learning rate {rate:.3g}. {norms}. To try: a lower rate or a longer warm-up (write the recipe of "
        f"{folder.path / 'run.toml'} into a .toml file of your own, change it, and give it as `recipe`), {other}and "
        "residual audit for damaged images."
    )


def _keep_best(job: Job, folder: RunFolder, model: keras.Model, best: BestWeights) -> str:
    """Save the best network so far; what of the run is kept, for the user."""
    kept = []
    if found := checkpoints.list_checkpoints(folder.checkpoints):
        kept.append(f"the checkpoint of step {checkpoints.step_of(found[0]):,}")
    if best.epoch:
        best.restore(model)
        save_network(model, job, folder)
        kept.append(f"the best network so far, of epoch {best.epoch}, as model.keras")
    return f" Kept in {folder.path}: {' and '.join(kept)}." if kept else ""
