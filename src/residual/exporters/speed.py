"""How fast engines answer on this machine, measured in turns so that noise falls on all of them."""

import time
from collections.abc import Callable, Mapping
from statistics import median

import msgspec
import numpy as np

BATCH = 32
_TURNS = 5
_SECONDS = {1: 0.1, BATCH: 0.2}  # of a turn, for each batch size


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """Medians of an engine's time.

    Attributes:
        batch_1_ms: milliseconds for one image.
        batch_32_per_second: images per second in batches of 32.
        batch_1_calls, batch_32_calls: how many calls each median is of.
    """

    batch_1_ms: float
    batch_32_per_second: float
    batch_1_calls: int
    batch_32_calls: int


Predict = Callable[[np.ndarray], np.ndarray]


def measure_speed(engines: Mapping[str, Predict], images: np.ndarray) -> dict[str, Speed]:
    """The speed of each engine.

    Every engine gets five turns, one engine after another. A turn calls it for 0.1 s with one image and for 0.2 s
    with 32, at least once each.

    Args:
        engines: name -> its `predict`.
        images: uint8 (n, height, width, 3), at least one; they are repeated if they are fewer than 32.
    """
    batches = {size: np.resize(images, (size, *images.shape[1:])) for size in _SECONDS}
    seconds: dict[str, dict[int, list[float]]] = {name: {1: [], BATCH: []} for name in engines}
    for predict in engines.values():  # the first call of a batch size prepares buffers
        for batch in batches.values():
            predict(batch)
    for _ in range(_TURNS):
        for name, predict in engines.items():
            for size, batch in batches.items():
                seconds[name][size] += _call_for(_SECONDS[size], predict, batch)
    return {name: _summarize(found[1], found[BATCH]) for name, found in seconds.items()}


def _call_for(limit: float, predict: Predict, batch: np.ndarray) -> list[float]:
    """The seconds of each call, until they add up to a limit."""
    found: list[float] = []
    while not found or sum(found) < limit:
        start = time.perf_counter()
        predict(batch)
        found.append(time.perf_counter() - start)
    return found


def _summarize(one: list[float], many: list[float]) -> Speed:
    return Speed(
        batch_1_ms=1000 * median(one),
        batch_32_per_second=BATCH / median(many),
        batch_1_calls=len(one),
        batch_32_calls=len(many),
    )
