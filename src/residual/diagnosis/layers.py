"""Activations and gradients of a network, layer by layer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from residual._keras_graph import find_calls
from residual.backend.gradients import weight_gradients
from residual.training.batch_norm import assign_statistics, moving_statistics

_BATCH = 64


@dataclass(frozen=True)
class LayerScale:
    """How large a layer's numbers are.

    Attributes:
        name: of the layer.
        gradient: norm of the loss's gradient in its kernel, divided by the norm of the kernel.
        activation: root of the mean square of what it returns.
    """

    name: str
    gradient: float
    activation: float


@dataclass(frozen=True)
class ReluChannels:
    """The channels of a ReLU.

    Attributes:
        name: of the layer.
        channels: how many it has.
        dead: how many are zero on every image and at every place.
    """

    name: str
    channels: int
    dead: int


def measure_relus(model: keras.Model, x: np.ndarray) -> list[ReluChannels]:
    """The dead channels of every ReLU, from the input on, in inference.

    Args:
        model: functional.
        x: images (n, h, w, 3).
    """
    calls = [call for call in find_calls(model) if _is_relu(call.layer)]
    if not calls:
        return []
    highest: list[np.ndarray] | None = None
    for outputs in _run(model, [call.outputs[0] for call in calls], x):
        now = [value.max(axis=tuple(range(value.ndim - 1))) for value in outputs]
        highest = now if highest is None else [np.maximum(a, b) for a, b in zip(highest, now, strict=True)]
    assert highest is not None
    return [
        ReluChannels(call.layer.name, len(peak), int((peak <= 0).sum()))
        for call, peak in zip(calls, highest, strict=True)
    ]


def _is_relu(layer: Any) -> bool:
    is_layer = isinstance(layer, keras.layers.ReLU) and not layer.negative_slope
    return is_layer or getattr(layer, "activation", None) is keras.activations.relu or _is_operation(layer)


def _is_operation(layer: Any) -> bool:
    """Whether it is `keras.ops.relu` on a tensor."""
    return not isinstance(layer, keras.layers.Layer) and type(layer).__name__ == "Relu"


def _run(model: keras.Model, outputs: list[Any], x: np.ndarray) -> Iterator[list[np.ndarray]]:
    """What inner tensors are for the images, a batch at a time."""
    inner: Any = keras.Model(model.inputs[0], outputs)
    for start in range(0, len(x), _BATCH):
        found = inner.predict_on_batch(np.asarray(x[start : start + _BATCH], np.float32))
        yield [np.asarray(value, np.float32) for value in (found if isinstance(found, list) else [found])]


def measure_scales(model: keras.Model, x: np.ndarray, y: np.ndarray) -> list[LayerScale]:
    """Gradient and activation of every layer with a kernel, from the input on. The model stays as it is.

    Args:
        model: functional; returns probabilities.
        x: images (n, h, w, 3), one batch.
        y: one-hot labels (n, classes).
    """
    calls = [call for call in find_calls(model) if getattr(call.layer, "kernel", None) is not None]
    calls = [call for call in calls if call.layer.trainable]
    if not calls:
        return []
    probe: Any = keras.Model(model.inputs[0], model.outputs[0])
    probe.compile(loss="categorical_crossentropy")
    before = moving_statistics(model)
    gradients = weight_gradients(probe, np.asarray(x, np.float32), y)
    assign_statistics(model, before)
    by_path = dict(zip((v.path for v in probe.trainable_variables), gradients, strict=True))
    squares = np.zeros(len(calls))
    for outputs in _run(model, [call.outputs[0] for call in calls], x):
        squares += [float(np.square(value, dtype=np.float64).mean() * len(value)) for value in outputs]
    return [
        LayerScale(
            call.layer.name,
            _norm(by_path[call.layer.kernel.path]) / max(_norm(call.layer.kernel), 1e-30),
            float(np.sqrt(square / len(x))),
        )
        for call, square in zip(calls, squares, strict=True)
    ]


def _norm(values: Any) -> float:
    return float(np.sqrt(np.square(np.asarray(keras.ops.convert_to_numpy(values), np.float64)).sum()))
