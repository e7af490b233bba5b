"""A network that is trained from new random weights for each seed. What is compiled for the first serves the others."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import keras
import numpy as np

from residual import backend
from residual.backend import accelerate
from residual.backend.choice import choose
from residual.backend.quiet import allow_retracing
from residual.data.images import Dataset, Images
from residual.models.build import build_network, raise_recursion_limit
from residual.models.layer_names import find_block
from residual.models.spec import NetworkSpec
from residual.training.batches import Batches, in_order
from residual.training.build import fit_normalization
from residual.training.callbacks.stop_on_nan import LossNotFinite, StopOnNan
from residual.training.compile import compile_model, make_optimizer
from residual.training.recipe import Recipe
from residual.training.whitening import fit_whitening

Build = Callable[[], keras.Model]


@dataclass(frozen=True)
class Curve:
    """What a training did, epoch by epoch.

    Attributes:
        train, validation: error after each epoch: on the training images as they passed, and on the validation images.
        finite: whether the loss stayed finite; the curves end before the first epoch in which it did not.
    """

    train: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    finite: bool = True


class Trial:
    """A network, its images and its recipe, ready to be trained again and again.

    Use it in a `with` statement: inside, the network runs on the hot path; afterwards it is a stock model.

    Args:
        build: makes the network with new random weights, the same way each time.
        data: with validation images.
        recipe: how it is trained.
    """

    def __init__(self, build: Build, data: Dataset, recipe: Recipe):
        self.build, self.data, self.recipe = build, data, recipe
        self.model = build()
        batches = self._make_batches(0)
        choice = choose(self.model, recipe.batch_size, make_optimizer(recipe, batches.steps), "float32")
        self._open = contextlib.ExitStack()
        self._open.enter_context(accelerate.accelerated(self.model, choice))
        compile_model(self.model, recipe, batches.steps, choice)

    def __enter__(self) -> "Trial":
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.close()

    def _make_batches(self, seed: int) -> Batches:
        recipe = self.recipe
        return Batches(self.data.train, len(self.data.classes), recipe.batch_size, recipe.augment, seed)

    def restart(self, seed: int) -> None:
        """Give the network new random weights, and its optimizer none of what it knew."""
        backend.set_seeds(seed)
        self.model.set_weights(self.build().get_weights())
        for variable in self.model.optimizer.variables:
            variable.assign(keras.ops.zeros_like(variable))

    @allow_retracing()
    def measure_step(self, steps: int = 3) -> float:
        """Seconds of a step, after the first, which compiles."""
        x, y = self._make_batches(0)[0]
        self.model.train_on_batch(x, y)
        started = time.perf_counter()
        for _ in range(steps):
            self.model.train_on_batch(x, y)
        return (time.perf_counter() - started) / steps

    @allow_retracing()
    def train(
        self, seed: int, callbacks: Sequence[keras.callbacks.Callback] = (), validate: bool = True
    ) -> Curve:
        """Train from new random weights.

        Args:
            seed: of weights, order and augmentation.
            callbacks: called beside those of the training.
            validate: whether the validation images are read after each epoch.
        """
        self.restart(seed)
        curve = Curve()
        try:
            self.model.fit(
                self._make_batches(seed),
                epochs=self.recipe.epochs,
                validation_data=self._order(self.data.validation) if validate else None,
                shuffle=False,  # Batches orders the images
                callbacks=[StopOnNan(), _Keep(curve), *callbacks],
                verbose=0,
            )
        except LossNotFinite:
            return Curve(curve.train, curve.validation, False)
        return curve

    @allow_retracing()
    def measure_error(self, images: Images | None) -> float:
        """Share of images that the network gets wrong, in inference mode, with the moving statistics."""
        scores = self.model.evaluate(self._order(images), verbose=0, return_dict=True)
        return 1 - float(scores["accuracy"])

    def _order(self, images: Images | None) -> Batches:
        return in_order(images, len(self.data.classes), self.recipe.batch_size)  # type: ignore[arg-type]


class _Keep(keras.callbacks.Callback):
    """Keeps the errors of each epoch."""

    def __init__(self, curve: Curve):
        super().__init__()
        self.curve = curve

    def on_epoch_end(self, epoch, logs=None):
        if not isfinite(logs["loss"]):
            return
        self.curve.train.append(1 - float(logs["accuracy"]))
        if "val_accuracy" in logs:
            self.curve.validation.append(1 - float(logs["val_accuracy"]))


def plan_build(spec: NetworkSpec, data: Dataset, change: Callable[[keras.Model], Any] | None = None) -> Build:
    """A function that builds a network of `spec` for some images.

    Args:
        spec: the network.
        data: whose size, classes and pixels it takes; the pixels are normalized as in a training.
        change: changes the network, or returns another.
    """
    first = fit_normalization("channel", data.train)
    settings, weights = first.get_config(), first.get_weights()

    def build() -> keras.Model:
        layer = type(first).from_config(settings)
        layer.build((None, *data.size, 3))
        layer.set_weights(weights)
        layer.finalize_state()
        model = build_network(spec, (*data.size, 3), len(data.classes), layer)
        fit_whitening(model, data.train)
        return (change(model) or model) if change else model

    return build


def remove_norms(model: keras.Model) -> keras.Model:
    """A copy of a network with new weights and without its batch norms."""

    def copy(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, keras.layers.BatchNormalization):
            return keras.layers.Activation("linear", name=layer.name)
        if isinstance(layer, keras.layers.Normalization):
            return layer  # its statistics are those of the images
        return type(layer).from_config(layer.get_config())

    with raise_recursion_limit():
        return keras.models.clone_model(model, clone_function=copy)


def zero_last_norms(model: keras.Model) -> None:
    """Let every block begin as its shortcut: the scale of its last batch norm is 0 (arXiv:1706.02677)."""
    last: dict[str, keras.layers.Layer] = {}
    for layer in model.layers:
        block = find_block(layer.name)
        if block and isinstance(layer, keras.layers.BatchNormalization) and "shortcut" not in layer.name:
            last[block] = layer
    for layer in last.values():
        layer.gamma.assign(np.zeros(layer.gamma.shape, np.float32))


def watch_steps(look: Callable[[int], None]) -> keras.callbacks.Callback:
    """A callback that looks at the network before the first step and after each step of the first epoch.

    Args:
        look: gets the number of steps that have been done.
    """

    class Watch(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            look(0)

        def on_train_batch_end(self, batch, logs=None):
            look(batch + 1)

    return Watch()
