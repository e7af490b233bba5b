"""How much memory a training will take, estimated before it starts, and how large a batch may be.

On TensorFlow and a CPU a process that trained 11 networks of 10 to 110 layers, in batches of 16 to 512 images of 32 to
128 pixels, held 806 MiB + 0.54 MiB for every layer + 4.7 times the weights + 0.67 times the outputs of all layers, each
within 6% (least squares). Checkpoints add up to four copies of the weights.
"""

import math
from pathlib import Path

import keras
import numpy as np
import psutil

from residual import backend
from residual._text import format_bytes
from residual.backend.accelerate import BYTES
from residual.errors import RecipeError

_OUTPUTS, _WEIGHTS, _LAYER = 0.67, 4.7 + 4, 0.54 * 2**20
_CONTAINER = Path("/sys/fs/cgroup")  # limits of the container that this process may run in
_SPARE = 0.9  # share of the free memory that is planned for


def check_batch(model: keras.Model, precision: str, batch_size: int) -> None:
    """Refuse a batch that will not fit in the free memory; on TensorFlow and a CPU, where it can be estimated.

    Raises:
        RecipeError: with the batch that would fit.
    """
    if not backend.on_tensorflow_cpu():
        return
    needed, free = _fixed(model) + batch_size * _per_image(model, precision), available()
    if needed > free:
        fits = find_fitting_batch(model, precision)
        advice = f"`batch_size` {fits} would fit" if fits else "not even a batch of one fits"
        raise RecipeError(
            f"Batches of {batch_size:,} images need about {format_bytes(needed, binary=True)} of memory to train "
            f"{model.name}; {format_bytes(free, binary=True)} are free: {advice}. A smaller `model` or "
            "`image_size` needs less too."
        )


def find_fitting_batch(model: keras.Model, precision: str) -> int:
    """The largest batch for the memory that is free, in eights from 8 on; 0 if none fits."""
    count = math.floor((_SPARE * available() - _fixed(model)) / _per_image(model, precision))
    return max(0, count - count % 8 if count >= 8 else count)


def _fixed(model: keras.Model) -> float:
    """Bytes beside those that grow with the batch: weights, gradients, optimizer, checkpoint, and the graph."""
    weights = sum(int(np.prod(weight.shape)) for weight in model.weights)
    return 4 * _WEIGHTS * weights + _LAYER * len(model.layers)


def _per_image(model: keras.Model, precision: str) -> float:
    """Bytes for every image of a batch."""
    outputs = sum(int(np.prod(layer.output.shape[1:])) for layer in model.layers)
    return _OUTPUTS * BYTES[precision] * outputs


def available() -> int:
    """Bytes of memory that are free: on the machine, and in the container that this process may run in."""
    free = psutil.virtual_memory().available
    try:
        limit = int((_CONTAINER / "memory.max").read_text())
        used = int((_CONTAINER / "memory.current").read_text())
        facts = dict(line.split() for line in (_CONTAINER / "memory.stat").read_text().splitlines())
        free = min(free, limit - used + int(facts.get("inactive_file", 0)))  # which the kernel gives back
    except (OSError, ValueError):  # no container, or one without a limit
        pass
    return max(0, free)
