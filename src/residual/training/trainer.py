"""Training: data + network + recipe -> a trained network in a run folder."""

import functools
import time
from dataclasses import dataclass, replace

import keras
import numpy as np

from residual._console import print_row, show_work
from residual._text import format_duration
from residual.backend import accelerate, processor
from residual.backend.choice import Choice, choose, is_valid
from residual.data.images import Dataset, Images
from residual.data.splits import split_apart
from residual.errors import RunError
from residual.modelfile import save_model
from residual.spec import NetworkSpec
from residual.training import checkpoints, failures, memory, statistics, tensorboard
from residual.training.batches import Batches
from residual.training.callbacks import Best, Finite, Log, Stop, interruptible
from residual.training.checkpointing import Checkpoints
from residual.training.checkpoints import State
from residual.training.planning import Forecast, forecast
from residual.training.preparation import compile_for, optimizer, untrained
from residual.training.progress import TrainingProgress
from residual.training.recipes import Recipe, in_epochs
from residual.training.runs import RunFolder
from residual.training.waiting import Waiting


@dataclass(frozen=True)
class Trained:
    """What training hands on.

    Attributes:
        model: the network, its batch-norm statistics recomputed.
        moving: the moving statistics that it had before (`statistics.assign_statistics` puts them back).
        report: what goes into report.json.
    """

    model: keras.Model
    moving: list[np.ndarray]
    report: dict


def with_validation(data: Dataset, share: float, seed: int) -> Dataset:
    """`data` with a validation set: its own, or a stratified share of its training images.

    Training images with the same pixels, or of one group, are not parted.
    """
    if data.validation is not None:
        return data
    larger, smaller = split_apart(data.train, share, seed, data.groups)
    train, validation = data.train.take(larger), data.train.take(smaller)
    return replace(data, train=train, validation=validation, groups=None)


def fit(
    data: Dataset,
    spec: NetworkSpec,
    recipe: Recipe,
    folder: RunFolder,
    *,
    seed: int,
    precision: str,
    console,
    started: float,
    budget: float | None = None,
    class_weights: dict[int, float] | None = None,
    state: State | None = None,
) -> Trained:
    """Train `spec` on `data.train`, select on `data.validation`, never read `data.test`.

    Ctrl-C ends the training after the current step; the best network so far is kept.

    Args:
        data: with a validation set.
        spec: the network.
        recipe: how to train.
        folder: where log, checkpoints, network and report go.
        seed: of weights, order and augmentation.
        precision: "float32", "bfloat16", or "auto" to measure which one is faster.
        console: where progress is shown.
        started: `time.perf_counter()` when the training was asked for.
        budget: seconds from then on; as many epochs as fit take the place of the recipe's.
        class_weights: how much an image of each class counts in the loss; None counts all alike.
        state: of an interrupted training, to go on from; None begins.

    Raises:
        RunError: when the loss becomes no number, or the memory does not suffice.
    """
    keras.utils.set_random_seed(seed)
    batches = Batches(data.train, len(data.classes), recipe.batch_size, recipe.augment, seed)
    model = untrained(data, spec, recipe)
    info = {"classes": list(data.classes), "image_size": list(data.size), "network": spec.name}
    save = functools.partial(save_model, path=folder.model, info=info)
    best = Best(recipe.keep)
    choice = _choose_ways(model, batches, recipe, folder, precision, state, console)
    _print_line(console, "numbers", choice.reason)
    with (
        accelerate.accelerated(model, choice),
        failures.told(folder, model, batches, recipe, best, save),
    ):
        compile_for(model, recipe, batches.steps, choice)
        memory.check_batch(model, choice.precision, choice.batch_size)
        with show_work(console, "compiling and timing a few steps"):
            plan = forecast(model, batches, len(data.validation), _judged(data), started, class_weights)
        if budget is not None:
            recipe = _within(budget, plan, recipe, folder, console)
            compile_for(model, recipe, batches.steps, choice)
        _print_line(console, "plan", plan.sentence(recipe.epochs))
        steps = _train(model, data, recipe, batches, class_weights, best, folder, console, state)
        best.restore(model)
    save(model)  # kept even if what follows is interrupted
    with show_work(console, "recomputing batch-norm statistics"):
        moving, scores = settle(model, data, recipe)
    save(model)
    tensorboard.show_mistakes(folder, model, data, recipe.batch_size, best.epoch)
    report = {
        **steps,
        "epochs_asked": recipe.epochs,
        "kept_epoch": best.epoch,
        "precision": choice.precision,
        "train_images": len(data.train),
        "planned_seconds": round(plan.epoch_seconds * recipe.epochs, 2),
        "total_seconds": round(time.perf_counter() - started, 2),
        "validation": scores,
        "weights_sha256": statistics.weights_hash(model),
    }
    folder.add_to_report(**report)
    if not steps["interrupted"]:
        checkpoints.remove(folder.checkpoints)
    return Trained(model, moving, report)


def _choose_ways(
    model, batches: Batches, recipe: Recipe, folder: RunFolder, precision: str, state: State | None, console
) -> Choice:
    """How this network is trained here: as the run's record says, or measured now and written there.

    Raises:
        RecipeError: if a batch does not fit in the memory.
        RunError: if the run's record is damaged.
    """
    asked, size = folder.asked, min(batches.batch_size, len(batches.images))
    known = asked.get("fastest")
    if known is not None or state is not None:
        answers = known or {}
        if not isinstance(answers, dict) or not all(map(is_valid, answers, answers.values())):
            raise RunError(
                f"The table [fastest] of {folder.path / 'run.toml'} is damaged. Put it back as it was."
            )
        return Choice(precision, size, answers, f"{precision}, as the run began")
    if precision == "auto":
        least = "float32" if processor.multiplies_bfloat16() is False else "bfloat16"
    else:
        least = precision
    memory.check_batch(model, least, size)
    made = optimizer(recipe, batches.steps)
    choice = choose(model, size, made, precision, announce=lambda text: _print_line(console, "numbers", text))
    folder.write_asked({**asked, "precision": choice.precision, "fastest": choice.answers})
    return choice


def _print_line(console, label: str, text: str) -> None:
    """A line of the plan."""
    print_row(console, label, text)


def _judged(data: Dataset) -> int:
    """Images that pass through the network after the last epoch: for the statistics, the scores with the old and the
    new ones, TensorBoard's mistakes, and the test."""
    recomputed = min(len(data.train), statistics.MAX_IMAGES)
    return recomputed + 3 * len(data.validation) + len(data.test)


def _within(budget: float, plan: Forecast, recipe: Recipe, folder: RunFolder, console) -> Recipe:
    """The recipe with as many epochs as end in `budget` seconds; the run's record and the console say so."""
    recipe = in_epochs(recipe, plan.epochs_within(budget))
    folder.write_asked({**folder.asked, "recipe": recipe.to_table()})
    console.print(f"budget   {format_duration(budget)}: {recipe.epochs} epochs", highlight=False)
    return recipe


def _train(
    model,
    data: Dataset,
    recipe: Recipe,
    batches: Batches,
    class_weights,
    best: Best,
    folder,
    console,
    state: State | None,
) -> dict:
    """The epochs themselves; how many there were, how long they took and whether Ctrl-C ended them."""
    waiting = Waiting(batches)
    progress = TrainingProgress(console, recipe.epochs, batches, waiting)
    log = Log(folder, recipe.schedule.rates(batches.steps, recipe.epochs), console)
    kept = Checkpoints(folder.checkpoints, best, log, waiting, console)
    begin = kept.resume(model, state) if state else (0, 0)
    boards = tensorboard.boards(folder, data.classes, log, waiting, console)
    with interruptible(model, console) as interrupted:
        try:
            _epochs(
                model,
                batches,
                recipe.epochs,
                *begin,
                validation_data=in_order(data.validation, len(data.classes), recipe.batch_size),
                shuffle=False,  # Batches orders the images; Keras would shuffle the batches again
                class_weight=class_weights,
                callbacks=[Finite(), Stop(interrupted), log, best, *boards, progress, kept, waiting],
                verbose=0,
            )
        finally:
            progress.stop()
            kept.finish()
    seconds = sum(row["seconds"] for row in log.rows)
    epochs = log.steps / batches.steps
    return {
        "epochs": round(epochs, 3),
        # Where only the last validation was left, nothing was cut off.
        "interrupted": interrupted() and epochs < recipe.epochs,
        "training_seconds": round(seconds, 2),
        "images_per_second": round(len(data.train) * epochs / max(seconds, 1e-9), 1),
        "waiting_for_data": round(waiting.share, 4),
        "checkpoint_seconds": round(kept.standstill, 3),
    }


def _epochs(model, batches: Batches, epochs: int, epoch: int, step: int, **options) -> None:
    """Fit from a step of an epoch on, both counted from 0; the rest of an epoch that has begun is a fit of its own."""
    if step:
        batches.begin_at(epoch, step)
        model.fit(batches, initial_epoch=epoch, epochs=epoch + 1, **options)
        if model.stop_training:
            return
        epoch += 1
    if epoch < epochs:
        batches.begin_at(epoch)
        model.fit(batches, initial_epoch=epoch, epochs=epochs, **options)


def in_order(images: Images, classes: int, batch_size: int) -> Batches:
    """Images and labels for Keras in their own order, a batch at a time, as they may lie on disk."""
    return Batches(images, classes, batch_size, shuffle=False)


def settle(model: keras.Model, data: Dataset, recipe: Recipe) -> tuple[list[np.ndarray], dict]:
    """Recompute the batch-norm statistics; the old ones, and the validation accuracy with each."""
    batches, y = in_order(data.validation, len(data.classes), recipe.batch_size), data.validation.y

    def correct() -> int:
        return int((model.predict(batches, verbose=0).argmax(1) == y).sum())

    moving = statistics.moving_statistics(model)
    before = correct()
    statistics.recompute_statistics(model, data.train, recipe.batch_size, recipe.augment)
    after = correct()
    scores = {"n": len(y), "accuracy": after / len(y), "accuracy_with_moving_statistics": before / len(y)}
    return moving, scores
