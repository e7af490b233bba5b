"""Gradients layer by layer: measured on a batch of images, and told in one figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isfinite, log
from typing import Any

import numpy as np

from residual.data.images import Dataset

_FEW = 1e-30  # a norm below it counts as this one, so that its logarithm is finite


@dataclass(frozen=True)
class Probe:
    """The gradient of a network on one batch.

    Attributes:
        norms: Euclidean norm of the loss's gradient in each convolution's kernel, from the image to the head.
    """

    norms: tuple[float, ...]

    @property
    def early(self) -> float:
        """Geometric mean of the first quarter of the norms; nan if one is not finite."""
        return average(self.norms[: self._quarter])

    @property
    def late(self) -> float:
        """Geometric mean of the last quarter of the norms; nan if one is not finite."""
        return average(self.norms[-self._quarter :])

    @property
    def _quarter(self) -> int:
        return max(1, len(self.norms) // 4)


def average(values: Sequence[float]) -> float:
    """Geometric mean of values from 0; nan if one is not finite or there is none."""
    if not values or not all(map(isfinite, values)):
        return float("nan")
    return exp(sum(log(max(value, _FEW)) for value in values) / len(values))


def take_batch(data: Dataset, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The first training images as float32 and their one-hot labels.

    Args:
        data: the images.
        count: how many.
    """
    x = np.asarray(data.train.x[np.arange(min(count, len(data.train)))], np.float32)
    return x, np.eye(len(data.classes), dtype=np.float32)[data.train.y[: len(x)]]


def probe_layers(model: Any, x: np.ndarray, y: np.ndarray) -> Probe:
    """Measure the gradient of a compiled network in each convolution of its main path.

    Args:
        model: compiled; its weights stay.
        x: images (n, h, w, 3).
        y: one-hot labels (n, classes).
    """
    import keras

    from residual.backend.gradients import weight_gradients

    gradients = dict(
        zip((id(weight) for weight in model.trainable_variables), weight_gradients(model, x, y), strict=True)
    )
    kernels = [
        layer.kernel
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D) and "shortcut" not in layer.name
    ]
    return Probe(tuple(float(np.linalg.norm(gradients[id(kernel)].astype(np.float64))) for kernel in kernels))


def name_trend(factor: float) -> str:
    """What becomes of a gradient that is multiplied by a factor: "vanishes", "explodes" or "stays of one size".

    Args:
        factor: from shallow to deep networks.
    """
    if not isfinite(factor):
        return "is not finite"
    if factor < 0.1:
        return "vanishes"
    return "explodes" if factor > 10 else "stays of one size"


def format_figure(value: float) -> str:
    """A figure with two digits: 0.00032, 1.4, 5,200, 3.1e+09."""
    if not isfinite(value):
        return "not finite"
    if value and not 1e-4 <= value < 1e6:
        return f"{value:.1e}"
    return f"{float(f'{value:.2g}'):,.10g}"
