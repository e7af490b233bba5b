"""The epochs of a training: Keras's `fit` with the callbacks that watch it."""

import keras
from rich.console import Console

from residual.data.images import Dataset
from residual.runs.checkpoints import State
from residual.runs.folder import RunFolder
from residual.training.batches import Batches, in_order
from residual.training.callbacks.average_weights import AverageWeights
from residual.training.callbacks.best_weights import BestWeights
from residual.training.callbacks.checkpoint import Checkpoint
from residual.training.callbacks.epoch_log import EpochLog
from residual.training.callbacks.progress import Progress
from residual.training.callbacks.stop_on_interrupt import StopOnInterrupt
from residual.training.callbacks.stop_on_nan import StopOnNan
from residual.training.callbacks.tensorboard import make_boards
from residual.training.callbacks.waiting_time import WaitingTime
from residual.training.compile import list_rates
from residual.training.distribution import find_link
from residual.training.options import TrainOptions
from residual.training.phases import Phases
from residual.training.recipe import Recipe


def run_epochs(
    model: keras.Model,
    data: Dataset,
    recipe: Recipe,
    batches: Batches,
    class_weights: dict[int, float] | None,
    best: BestWeights,
    folder: RunFolder,
    console: Console,
    state: State | None,
    options: TrainOptions,
    phases: Phases,
) -> dict:
    """Train, from the beginning or from a state.

    The callbacks that the options hold come after those that keep the best weights and the log, and before the
    checkpoint. The phases freeze and compile the network.

    Returns:
        For the report: how many epochs there were, how long they took, and whether Ctrl-C ended them.
    """
    waiting, interrupt = WaitingTime(batches), StopOnInterrupt(console, find_link())
    progress = Progress(console, recipe.epochs, batches, waiting, phases.sides.list_seconds())
    given = model.optimizer if options.optimizer else None
    log = EpochLog(folder, list_rates(recipe, batches.steps, given), console)
    boards = make_boards(folder, data.classes, log, waiting, console)
    average = AverageWeights(recipe.average, recipe.epochs * batches.steps) if recipe.average else None
    checkpoint = Checkpoint(folder, best, log, waiting, console, average)
    begin = (state.facts["epoch"], state.facts["step"]) if state else (0, 0)
    phases.enter(begin[0])
    if state:
        checkpoint.resume(model, state, with_optimizer=begin[1] > 0 or not phases.begins_at(begin[0]))
    own, averaging = (StopOnNan(), interrupt, log, best, *boards), [average] if average else []
    with interrupt.handle_signals(model):
        try:
            _fit_from(
                model,
                batches,
                phases,
                *begin,
                validation_data=in_order(data.validation, len(data.classes), recipe.batch_size),
                shuffle=False,  # Batches orders the images; Keras would shuffle the batches again
                class_weight=class_weights,
                callbacks=[*own, *(options.callbacks or ()), progress, *averaging, checkpoint, waiting],
                verbose=0,
            )
        finally:
            progress.stop()
            checkpoint.finish()
    seconds, epochs = sum(row["seconds"] for row in log.rows), log.steps / batches.steps
    return {
        "epochs": round(epochs, 3),
        "interrupted": interrupt.interrupted and epochs < recipe.epochs,  # not if only a validation was left
        "training_seconds": round(seconds, 2),
        "images_per_second": round(len(data.train) * epochs / max(seconds, 1e-9), 1),
        "waiting_for_data": round(waiting.share, 4),
        "checkpoint_seconds": round(checkpoint.paused, 3),
    }


def _fit_from(model: keras.Model, batches: Batches, phases: Phases, epoch: int, step: int, **options) -> None:
    """Fit from a step of an epoch on, both counted from 0.

    The rest of an epoch that has begun is a fit of its own, and so is each phase.
    """
    if step:
        batches.begin_at(epoch, step)
        model.fit(batches, initial_epoch=epoch, epochs=epoch + 1, **options)
        if model.stop_training:
            return
        epoch += 1
    while epoch < phases.recipe.epochs:
        phases.enter(epoch)
        batches.begin_at(epoch)
        model.fit(batches, initial_epoch=epoch, epochs=phases.end_of(epoch), **options)
        if model.stop_training:
            return
        epoch = phases.end_of(epoch)
