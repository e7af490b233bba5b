"""The batch norms of any Keras model: how far their moving statistics are from those of the data, and who trains.

A batch norm has two modes. In training it uses the statistics of the batch, in inference its moving statistics. If the
two differ, a network that fits its training images can guess at all others.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from residual import backend
from residual._keras_graph import find_calls, is_functional
from residual.augment import Augmentation
from residual.errors import RunError
from residual.training.batch_norm import (
    assign_statistics,
    moving_statistics,
    norms,
    recompute_batch_norm,
)

MEAN_APART = 0.5  # standard deviations of the data from which on a mean is stale
SPREAD_APART = 1.5  # factor of the standard deviation from which on a variance is stale
MOST = 2_000  # images that statistics are measured on


@dataclass(frozen=True)
class NormState:
    """One batch norm.

    Attributes:
        name: of the layer.
        channels: that it normalizes.
        momentum: share of the moving statistics that a step of training keeps.
        mean_apart: distance of the moving mean from the mean of the data, in standard deviations of the data; the root
            of the mean square over the channels.
        spread_apart: factor between the moving standard deviation and that of the data, at least 1; the mean factor
            over the channels.
        frozen: whether it never uses the batch: `trainable` is False, or its call has training=False.
        forced: whether its call has training=True.
    """

    name: str
    channels: int
    momentum: float
    mean_apart: float
    spread_apart: float
    frozen: bool
    forced: bool

    @property
    def stale(self) -> bool:
        """Whether its moving statistics are not those of the data."""
        return self.mean_apart > MEAN_APART or self.spread_apart > SPREAD_APART

    @property
    def words(self) -> str:
        """ "stale, frozen", or "" if nothing is unusual."""
        named = {"stale": self.stale, "frozen": self.frozen, "forced training": self.forced}
        return ", ".join(word for word, holds in named.items() if holds)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**vars(self), "stale": self.stale}


@dataclass(frozen=True)
class NormReport:
    """All batch norms of a model.

    Attributes:
        states: one for each, from the input on.
        recomputed: the statistics of the data, as `batch_norm.moving_statistics` returns them.
        images: that they were computed from.
    """

    states: tuple[NormState, ...]
    recomputed: list[np.ndarray]
    images: int

    @property
    def stale(self) -> list[NormState]:
        """Those that are stale, the worst first."""
        found = [one for one in self.states if one.stale]
        return sorted(found, key=lambda one: -max(one.mean_apart / MEAN_APART, np.log(one.spread_apart)))


def examine_norms(
    model: keras.Model,
    images: np.ndarray,
    batch_size: int = 32,
    augment: Sequence[Augmentation] = (),
    *,
    max_images: int = MOST,
) -> NormReport:
    """Compare the moving statistics of every batch norm with those of images. The model stays as it is.

    Frozen layers keep their statistics when others are recomputed, so that they are compared with what they are given
    in inference.

    Args:
        model: functional, Sequential, or with such models inside.
        images: (n, h, w, 3) training images as the model takes them.
        batch_size: as in training.
        augment: as in training.
        max_images: that are used.

    Raises:
        RunError: if it has no batch norm, or the images give no statistics.
    """
    layers = norms(model)
    if not layers:
        raise RunError(f"{model.name} has no batch norm, so that there is nothing to examine.")
    calls = _find_modes(model)
    before = moving_statistics(model)
    try:
        recompute_batch_norm(model, images, batch_size, augment, max_images=max_images)
        after = moving_statistics(model)
    finally:
        assign_statistics(model, before)
    frozen = [not layer.trainable or calls.get(layer.name) is False for layer in layers]
    data = list(after)
    for place, values in _measure_inputs(model, layers, frozen, images[: min(max_images, 512)]).items():
        data[2 * place : 2 * place + 2] = values
    states = tuple(
        _compare(
            layer,
            before[2 * i : 2 * i + 2],
            data[2 * i : 2 * i + 2],
            frozen[i],
            calls.get(layer.name) is True,
        )
        for i, layer in enumerate(layers)
    )
    return NormReport(states, after, min(len(images), max_images))


def _find_modes(model: keras.Model) -> dict[str, bool]:
    """Batch norms whose call in the graph has `training`: name -> its value."""
    if not is_functional(model):
        return {}
    found = {}
    for call in find_calls(model):
        mode = call.kwargs.get("training")
        if isinstance(call.layer, keras.layers.BatchNormalization) and mode is not None:
            found[call.layer.name] = bool(mode)
    return found


def _measure_inputs(
    model: keras.Model, layers: list[Any], frozen: list[bool], images: np.ndarray
) -> dict[int, list[np.ndarray]]:
    """Mean and variance of what the frozen layers are given in inference, by their place."""
    if not any(frozen) or not is_functional(model):
        return {}
    tensors = {id(call.layer): call.inputs[0] for call in find_calls(model) if call.inputs}
    places = [i for i, layer in enumerate(layers) if frozen[i] and id(layer) in tensors]
    inner: Any = keras.Model(model.inputs[0], [tensors[id(layers[i])] for i in places])
    sums: dict[int, list[np.ndarray]] = {i: [np.zeros(1), np.zeros(1)] for i in places}
    count = dict.fromkeys(places, 0)
    for start in range(0, len(images), 64):
        outputs = inner.predict_on_batch(np.asarray(images[start : start + 64], np.float32))
        for i, value in zip(places, outputs if isinstance(outputs, list) else [outputs], strict=True):
            rows = np.asarray(value, np.float64).reshape(-1, value.shape[-1])
            sums[i] = [sums[i][0] + rows.sum(0), sums[i][1] + (rows**2).sum(0)]
            count[i] += len(rows)
    means = {i: sums[i][0] / count[i] for i in places}
    return {i: [means[i], np.maximum(sums[i][1] / count[i] - means[i] ** 2, 0)] for i in places}


def _compare(layer: Any, moving: Any, data: Any, frozen: bool, forced: bool) -> NormState:
    (mean, variance), (true_mean, true_variance) = (np.asarray(pair, np.float64) for pair in (moving, data))
    spread, true_spread = (np.sqrt(np.maximum(v, 0) + layer.epsilon) for v in (variance, true_variance))
    apart = float(np.sqrt(np.mean(((mean - true_mean) / true_spread) ** 2)))
    factor = float(np.exp(np.mean(np.abs(np.log(spread / true_spread)))))
    return NormState(layer.name, len(mean), float(layer.momentum), apart, factor, frozen, forced)


@contextmanager
def with_statistics(model: keras.Model, values: list[np.ndarray]) -> Iterator[None]:
    """Let a model predict with other statistics, and put its own back afterwards.

    Args:
        model: with batch norms.
        values: as `batch_norm.moving_statistics` returns them.
    """
    before = moving_statistics(model)
    assign_statistics(model, values)
    try:
        yield
    finally:
        assign_statistics(model, before)


def predict_in_training_mode(model: keras.Model, x: np.ndarray, batch_size: int = 32) -> np.ndarray:
    """Probabilities with every batch norm on the statistics of its batch, and no dropout. The model stays as it is.

    The images are shuffled, so that each batch has several classes; a last batch that is too small is filled up.

    Args:
        model: returns (n, classes) probabilities.
        x: (n, h, w, 3) as the model takes it.
        batch_size: as in training.
    """
    before, rates = moving_statistics(model), _switch_dropout_off(model)
    forward = backend.training_forward(model)
    order = np.random.default_rng(0).permutation(len(x))
    rows = None
    try:
        for start in range(0, len(x), batch_size):
            part = order[start : start + batch_size]
            filled = np.concatenate([part, order])[:batch_size]
            with backend.no_gradients():
                answer = forward(keras.ops.convert_to_tensor(np.asarray(x[filled], np.float32)))
            found = np.asarray(keras.ops.convert_to_numpy(answer))
            rows = np.zeros((len(x), found.shape[1]), np.float32) if rows is None else rows
            rows[part] = found[: len(part)]
    finally:
        assign_statistics(model, before)
        for layer, rate in rates:
            layer.rate = rate
    assert rows is not None
    return rows


def _switch_dropout_off(model: keras.Model) -> list[tuple[Any, float]]:
    """Give every dropout the rate 0; the layers with the rates that they had."""
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found += _switch_dropout_off(layer)
        elif "Dropout" in type(layer).__name__ and hasattr(layer, "rate"):
            found.append((layer, layer.rate))
            layer.rate = 0.0
    return found
