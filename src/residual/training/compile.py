"""A network made ready for `fit`: its normalization fitted, its optimizer, schedule and loss set."""

import keras
import numpy as np

from residual import backend
from residual.backend import accelerate
from residual.backend.choice import Choice
from residual.data.images import Dataset, Images
from residual.data.pixel_store import pieces
from residual.networks import network
from residual.spec import NetworkSpec
from residual.training import statistics
from residual.training.recipe import Recipe


def untrained(data: Dataset, spec: NetworkSpec, recipe: Recipe) -> keras.Model:
    """The network with random weights, its normalization fitted on `data.train`."""
    fitted = normalization(recipe.normalization, data.train)
    return network(spec, (*data.size, 3), len(data.classes), fitted)


def compile_for(model: keras.Model, recipe: Recipe, steps: int, choice: Choice | None = None) -> None:
    """Make the network ready for `fit`: batch-norm momentum, optimizer with its schedule, loss.

    Args:
        model: the network.
        recipe: how to train.
        steps: per epoch.
        choice: how the optimizer updates the weights here; None takes the usual way.
    """
    momentum = recipe.batch_norm
    if momentum == "auto":
        momentum = statistics.momentum_for(steps * recipe.epochs)
    statistics.set_momentum(model, momentum)
    model.compile(
        optimizer=accelerate.fused(optimizer(recipe, steps), choice, model),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        metrics=["accuracy"],
        **backend.compile_options(),
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
    total = sum((piece.sum(axes, dtype=np.float64) for piece in pieces(images.x)), np.zeros(()))
    count = len(images) * (images.x.shape[1] * images.x.shape[2] if kind == "channel" else 1)
    mean = total / count
    if kind == "channel":
        squares = sum((_squares(piece) for piece in pieces(images.x)), np.zeros(())) / count
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
    few = (x[i : i + 256] for i in range(0, len(x), 256))
    return sum((np.square(piece, dtype=np.float64).sum((0, 1, 2)) for piece in few), np.zeros(()))


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
