"""Training: data + network + recipe -> a trained network in a run folder."""

import contextlib
import signal
import threading
import time
from dataclasses import dataclass, replace

import keras
import numpy as np

from residual import kernels
from residual.data.batches import Batches
from residual.data.images import Dataset, Images
from residual.data.splits import split_apart
from residual.data.stored import pieces
from residual.kernels import hot_path
from residual.modelfile import save_model
from residual.networks import network
from residual.spec import NetworkSpec
from residual.training import statistics
from residual.training.planning import forecast
from residual.training.progress import TrainingProgress, clock
from residual.training.recipes import Recipe
from residual.training.runs import RunFolder
from residual.training.waiting import Waiting

_SAVE_BEST_EVERY = 60.0  # seconds between writes of the best network so far


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
    budget: float | None = None,
    class_weights: dict[int, float] | None = None,
) -> Trained:
    """Train `spec` on `data.train`, select on `data.validation`, never read `data.test`.

    Ctrl-C ends the training after the current step; the best network so far is kept.

    Args:
        data: with a validation set.
        spec: the network.
        recipe: how to train.
        folder: where log, network and report go.
        seed: of weights, order and augmentation.
        precision: "float32" or "bfloat16".
        console: where progress is shown.
        budget: seconds; as many epochs as fit take the place of the recipe's.
        class_weights: how much an image of each class counts in the loss; None counts all alike.
    """
    started = time.perf_counter()
    keras.utils.set_random_seed(seed)
    batches = Batches(data.train, len(data.classes), recipe.batch_size, recipe.augment, seed)
    model = untrained(data, spec, recipe)
    info = {"classes": list(data.classes), "image_size": list(data.size), "network": spec.name}
    best = Best(recipe.keep, lambda model: save_model(model, folder.model, info))
    with hot_path.accelerated(model, precision):
        compile_for(model, recipe, len(batches))
        plan = forecast(
            model, batches, len(data.validation), min(len(data.train), statistics.MAX_IMAGES), started
        )
        if budget is not None:
            recipe = replace(recipe, epochs=plan.epochs_within(budget), expected="")
            folder.write_asked({**folder.asked, "recipe": recipe.to_table()})
            compile_for(model, recipe, len(batches))
            console.print(f"budget   {clock(budget)}: {recipe.epochs} epochs", highlight=False)
        console.print(f"plan     {plan.sentence(recipe.epochs)}", highlight=False, soft_wrap=True)
        steps = _train(model, data, recipe, batches, class_weights, best, folder, console)
        best.restore(model)
    save_model(model, folder.model, info)  # kept even if what follows is interrupted
    moving, scores = settle(model, data, recipe)
    save_model(model, folder.model, info)
    report = {
        **steps,
        "epochs_asked": recipe.epochs,
        "kept_epoch": best.epoch,
        "precision": precision,
        "train_images": len(data.train),
        "planned_seconds": round(plan.epoch_seconds * recipe.epochs, 2),
        "total_seconds": round(time.perf_counter() - started, 2),
        "validation": scores,
    }
    folder.add_to_report(**report)
    return Trained(model, moving, report)


def _train(
    model, data: Dataset, recipe: Recipe, batches: Batches, class_weights, best: "Best", folder, console
) -> dict:
    """The epochs themselves; how many there were, how long they took and whether Ctrl-C ended them."""
    waiting = Waiting(batches)
    progress = TrainingProgress(console, recipe.epochs, len(batches), recipe.batch_size, waiting)
    log = Log(folder, recipe.schedule.rates(len(batches), recipe.epochs), console)
    started = time.perf_counter()
    with interruptible(model, console) as interrupted:
        try:
            model.fit(
                batches,
                epochs=recipe.epochs,
                validation_data=in_order(data.validation, len(data.classes), recipe.batch_size),
                shuffle=False,  # Batches orders the images; Keras would shuffle the batches again
                class_weight=class_weights,
                callbacks=[log, best, progress, waiting],
                verbose=0,
            )
        finally:
            progress.stop()
    seconds = time.perf_counter() - started
    epochs = log.steps / len(batches)
    return {
        "epochs": round(epochs, 3),
        "interrupted": interrupted(),
        "training_seconds": round(seconds, 2),
        "images_per_second": round(len(data.train) * epochs / seconds, 1),
        "waiting_for_data": round(waiting.share, 4),
    }


def untrained(data: Dataset, spec: NetworkSpec, recipe: Recipe) -> keras.Model:
    """The network with random weights, its normalization fitted on `data.train`."""
    fitted = normalization(recipe.normalization, data.train)
    return network(spec, (*data.size, 3), len(data.classes), fitted)


def compile_for(model: keras.Model, recipe: Recipe, steps: int) -> None:
    """Make the network ready for `fit`: batch-norm momentum, optimizer with its schedule, loss.

    Args:
        model: the network.
        recipe: how to train.
        steps: per epoch.
    """
    momentum = recipe.batch_norm
    if momentum == "auto":
        momentum = statistics.momentum_for(steps * recipe.epochs)
    statistics.set_momentum(model, momentum)
    model.compile(
        optimizer=hot_path.fused(optimizer(recipe, steps)),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        metrics=["accuracy"],
        **kernels.compile_options(),
    )


def normalization(kind: str, images: Images) -> keras.layers.Layer:
    """The first layer of a network, from raw 0-255 pixels, fitted on training images.

    Args:
        kind: a key of `recipes.NORMALIZATIONS`.
        images: the training images, without the validation images.
    """
    if kind == "scale":
        return keras.layers.Rescaling(1 / 255, name="normalization")
    axes = (0, 1, 2) if kind == "channel" else (0,)
    # In pieces, as the images may lie on disk; sums of whole numbers are exact in any order.
    total = sum(piece.sum(axes, dtype=np.float64) for piece in pieces(images.x))
    count = len(images) * (images.x.shape[1] * images.x.shape[2] if kind == "channel" else 1)
    mean = total / count
    if kind == "channel":
        squares = sum(_squares(piece) for piece in pieces(images.x)) / count
        variance = np.maximum(squares - mean**2, 1.0)
        layer = keras.layers.Normalization(axis=-1, name="normalization")
    else:
        variance = np.full_like(mean, 255.0**2)
        layer = keras.layers.Normalization(axis=(1, 2, 3), name="normalization")
    layer.build((None, *images.x.shape[1:]))
    layer.set_weights([mean.astype(np.float32), variance.astype(np.float32), np.array(len(images))])
    layer.finalize_state()
    return layer


def _squares(x: np.ndarray) -> np.ndarray:
    """Sum of the squared pixels of each colour; a few at a time, as float64 takes eight times their memory."""
    return sum(np.square(x[i : i + 256], dtype=np.float64).sum((0, 1, 2)) for i in range(0, len(x), 256))


class RateTable(keras.optimizers.schedules.LearningRateSchedule):
    """A Keras schedule that reads the rate of each step from an array."""

    def __init__(self, rates: np.ndarray):
        super().__init__()
        self.rates = np.asarray(rates, np.float32)

    def __call__(self, step):
        last = len(self.rates) - 1
        index = keras.ops.minimum(keras.ops.cast(step, "int32"), last)
        return keras.ops.take(keras.ops.convert_to_tensor(self.rates), index)

    def get_config(self):
        return {"rates": self.rates.tolist()}


def optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """The recipe's optimizer with its schedule; decay leaves biases and norms alone."""
    rate = RateTable(recipe.schedule.rates(steps, recipe.epochs))
    decay = {"weight_decay": recipe.weight_decay} if recipe.weight_decay else {}
    if recipe.optimizer == "sgd":
        made = keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, **decay)
    elif recipe.optimizer == "adamw":
        made = keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)
    else:
        made = keras.optimizers.Adam(rate, **decay)
    if recipe.weight_decay:
        made.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return made


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
    statistics.recompute_statistics(model, data.train, recipe.batch_size)
    after = correct()
    scores = {"n": len(y), "accuracy": after / len(y), "accuracy_with_moving_statistics": before / len(y)}
    return moving, scores


class Best(keras.callbacks.Callback):
    """Keeps the best weights: highest validation accuracy, then lowest validation loss.

    Args:
        keep: "best", or "last" for the weights of the last epoch.
        save: called with the model, at most once a minute, so that a crash does not cost everything.
    """

    def __init__(self, keep: str, save):
        super().__init__()
        self.keep, self.save = keep, save
        self.score, self.weights, self.epoch = (-np.inf, 0.0), None, 0
        self.saved = time.perf_counter()

        self.on_disk = 0

    def on_epoch_end(self, epoch, logs=None):
        score = (logs["val_accuracy"], -logs["val_loss"])
        if self.keep == "last" or score >= self.score:
            self.score, self.weights, self.epoch = score, self.model.get_weights(), epoch + 1
        if self.on_disk != self.epoch and time.perf_counter() - self.saved > _SAVE_BEST_EVERY:
            self._save_best()

    def _save_best(self) -> None:
        current = self.model.get_weights()
        self.restore(self.model)
        self.save(self.model)
        self.model.set_weights(current)
        self.saved, self.on_disk = time.perf_counter(), self.epoch

    def restore(self, model: keras.Model) -> None:
        """Give the model its best weights back; before the first epoch's end it keeps those it has."""
        if self.weights is not None:
            model.set_weights(self.weights)


class Log(keras.callbacks.Callback):
    """Writes log.csv after every epoch, and counts steps.

    Args:
        folder: of the run. Where it cannot be written, that is said once and the training goes on.
        rates: the learning rate of every step; a row has that of the epoch's last step.
        console: where to say so.
    """

    def __init__(self, folder: RunFolder, rates: np.ndarray, console):
        super().__init__()
        self.folder, self.rates, self.console = folder, rates, console
        self.rows, self.steps, self.failed = [], 0, False

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        rate = float(self.rates[self.steps - 1])
        row = {"epoch": epoch + 1, **{name: round(float(value), 6) for name, value in logs.items()}}
        row |= {"learning_rate": rate, "seconds": round(time.perf_counter() - self.started, 2)}
        self.rows.append(row)
        try:
            self.folder.write_log(self.rows)
        except OSError as error:
            if not self.failed:
                self.console.print(
                    f"{self.folder.path / 'log.csv'} cannot be written: {error.strerror}. Going on."
                )
            self.failed = True


@contextlib.contextmanager
def interruptible(model: keras.Model, console):
    """Let Ctrl-C end `model.fit` after the current step; yields a function that says whether it did.

    A second Ctrl-C stops at once.
    """
    state = {"interrupted": False}

    def stop(signum, frame):
        if state["interrupted"]:
            raise KeyboardInterrupt
        state["interrupted"] = model.stop_training = True
        console.print("Stopping after this step; the best so far is kept. Ctrl-C again stops at once.")

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield lambda: state["interrupted"]
    finally:
        signal.signal(signal.SIGINT, before)
