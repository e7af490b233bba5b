"""What the benchmarks of transfers share: training sets of a few images a class, and trainings that compile once."""

import contextlib
from unittest.mock import patch

import keras
import numpy as np

from residual import backend
from residual.backend import accelerate
from residual.data.images import Images
from residual.models.transfer import assign_head, build_body
from residual.training.batch_norm import recompute_batch_norm
from residual.training.batches import Batches, in_order
from residual.training.compile import compile_model
from residual.training.depth import unfreeze_all
from residual.training.phases import Phases
from residual.training.probe import fit_head
from residual.training.recipe import Recipe


def draw(images: Images, per_class: int, seed: int) -> tuple[Images, np.ndarray]:
    """So many images of each class, or all of a class that has fewer; and the places of the others, in random order."""
    order = np.random.default_rng(seed).permutation(len(images))
    chosen = np.concatenate([order[images.y[order] == k][:per_class] for k in np.unique(images.y)])
    return images.take(np.sort(chosen)), order[~np.isin(order, chosen)]


class Training:
    """Trains one network by one recipe of one phase again and again; everything is compiled once.

    It does what `residual train` does in float32, but keeps the last epoch and sets no validation images aside.

    Args:
        network: a classifier.
        recipe: how to train; 0 epochs fit the head alone.
        images: how many training images there will be.
        classes: of the network.
    """

    def __init__(self, network: keras.Model, recipe: Recipe, images: int, classes: int):
        self.network, self.recipe, self.classes = network, recipe, classes
        self.steps = -(-images // recipe.batch_size)
        self.body = build_body(network)
        self._forward = backend.training_forward(network)
        self._open = contextlib.ExitStack()
        self._open.enter_context(accelerate.accelerated(network))
        self._begun: list[np.ndarray] = []
        self.phases = None
        if recipe.epochs:
            self.phases = Phases(
                network, recipe, lambda: compile_model(network, recipe, self.steps), self.steps
            )
            self.phases.enter(0)
            network.optimizer.build(network.trainable_variables)
            self._begun = [np.array(v.numpy()) for v in network.optimizer.variables]

    def close(self) -> None:
        """Give the network its stock layers back."""
        self._open.close()

    def run(self, weights: list[np.ndarray], train: Images, seed: int) -> None:
        """Give the network these weights, and train it."""
        network, recipe = self.network, self.recipe
        network.set_weights(weights)
        if self.phases is not None:
            for variable, value in zip(network.optimizer.variables, self._begun, strict=True):
                variable.assign(value)
        if recipe.head == "fitted":
            if recipe.statistics != "kept":
                unfreeze_all(network)
                self._recompute(train, ())
                if self.phases is not None:
                    self.phases._freeze(self.phases.phases[0][1])
            features = np.asarray(self.body.predict(in_order(train, self.classes, 128), verbose=0))
            head = fit_head(features, train.y, self.classes, seed=seed)
            assign_head(network, head.kernel, head.bias)
        if not recipe.epochs:
            return
        batches = Batches(train, self.classes, recipe.batch_size, recipe.augment, seed)
        batches.begin_at(0)
        network.fit(batches, epochs=recipe.epochs, shuffle=False, verbose=0)
        if recipe.statistics == "batch":
            self._recompute(train, recipe.augment)

    def _recompute(self, train: Images, augment) -> None:
        with patch.object(backend, "training_forward", lambda model: self._forward):
            recompute_batch_norm(self.network, train, self.recipe.batch_size, augment)

    def count_correct(self, images: Images) -> int:
        """How many images the network has right."""
        rows = self.network.predict(in_order(images, self.classes, 128), verbose=0)
        return int((rows.argmax(1) == images.y).sum())
