"""The runtime that computes an .onnx file fastest on this machine, found by a short measurement.

Neither ONNX Runtime nor OpenVINO is always the faster one: it depends on the network, the batch size and the processor.
"""

import math
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from residual.engines.engine import Engine
from residual.engines.onnx import OnnxEngine
from residual.engines.opening import open_engine
from residual.engines.openvino import OpenVinoEngine
from residual.errors import RunError

_CLEARLY = 1.03  # how many times as fast OpenVINO must be: less is noise
_SAME = 1e-4  # difference of a probability that rounding explains
_SECONDS = 0.25  # of the turns of a batch size, once each engine has had two
_MOST_TURNS = 20
_LONGEST = 0.15  # seconds that a call may take; a batch that takes longer is measured in part


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """How fast a runtime was in the measurement.

    Attributes:
        runtime: name and version.
        images_per_second: batch size -> images per second, of the fastest call.
    """

    runtime: str
    images_per_second: dict[int, float]

    def __str__(self) -> str:
        speeds = [f"{speed:,.0f} images/s in batches of {n}" for n, speed in self.images_per_second.items()]
        return f"{self.runtime}: {', '.join(speeds)}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return msgspec.to_builtins(self, str_keys=True)


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """An engine, and what it was chosen by.

    Attributes:
        engine: that of the faster runtime.
        timings: of ONNX Runtime and OpenVINO; empty if nothing was measured.
    """

    engine: Engine
    timings: tuple[Timing, ...] = ()


def open_fastest(path: str | Path, sizes: Sequence[int], threads: int = 0, spin: bool = True) -> Choice:
    """Open an exported network with the installed runtime that computes it fastest here.

    Only .onnx files in fp32 leave a choice. They are opened by ONNX Runtime and OpenVINO, which compute noise in turns.
    OpenVINO is chosen if its speed, in the geometric mean over the batch sizes, is at least 1.03 times that of ONNX
    Runtime, and its probabilities do not differ by 1e-4.

    Args:
        path: a file that `residual export` wrote.
        sizes: batch sizes that matter, each at least 1.
        threads: that compute one batch; 0 for as many as the processor has cores.
        spin: as `OnnxEngine` takes it.

    Raises:
        RunError: as for `open_engine`.
    """
    file = Path(path)
    if file.suffix.lower() != ".onnx" or not file.is_file():
        return Choice(engine=open_engine(file, threads))
    usual = OnnxEngine(file, threads, spin)
    other = _open_in_openvino(file, usual, threads)
    if other is None:
        return Choice(engine=usual)
    images = _draw_noise(max(sizes), usual.card.image_size)
    if not _agree(usual, other, images[:2]):
        return Choice(engine=usual)
    timings = measure_engines((usual, other), images, sizes)
    gain = _find_gain(*timings)
    return Choice(engine=other if gain >= _CLEARLY else usual, timings=timings)


def _open_in_openvino(file: Path, usual: OnnxEngine, threads: int) -> Engine | None:
    """The file opened by OpenVINO; None if it is not installed or cannot read the file."""
    if usual.card.precision != "fp32" or find_spec("openvino") is None:  # int8 was certified in ONNX Runtime
        return None
    try:
        return OpenVinoEngine(file, threads, usual.card)
    except RunError:
        return None


def _draw_noise(n: int, size: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, *size, 3), np.uint8)


def _agree(first: Engine, second: Engine, images: np.ndarray) -> bool:
    return bool(np.abs(first.predict(images) - second.predict(images)).max() < _SAME)


def measure_engines(
    engines: Sequence[Engine], images: np.ndarray, sizes: Sequence[int]
) -> tuple[Timing, ...]:
    """How fast each engine computes batches, in turns.

    Args:
        engines: of the same network.
        images: uint8 (n, height, width, 3), as many as the largest size.
        sizes: batch sizes. If a batch takes longer than 0.15 s, a part of it is measured.
    """
    single = [_time(engine, images[:1]) for engine in engines]
    most = max(1, int(_LONGEST / max(single)))
    speeds = {size: _measure_size(engines, images[: min(size, most)]) for size in dict.fromkeys(sizes)}
    return tuple(
        Timing(runtime=engine.runtime, images_per_second={size: speeds[size][i] for size in speeds})
        for i, engine in enumerate(engines)
    )


def _measure_size(engines: Sequence[Engine], batch: np.ndarray) -> list[float]:
    """Images per second of each engine, in its fastest call."""
    best = [math.inf] * len(engines)
    start = time.perf_counter()
    for turn in range(_MOST_TURNS):
        for i, engine in enumerate(engines):
            best[i] = min(best[i], _time(engine, batch))
        if turn and time.perf_counter() - start > _SECONDS:
            break
    return [len(batch) / seconds for seconds in best]


def _time(engine: Engine, batch: np.ndarray) -> float:
    """Seconds of a call, after one that is not measured: threads of the other runtime may still spin."""
    engine.predict(batch)
    start = time.perf_counter()
    engine.predict(batch)
    return time.perf_counter() - start


def _find_gain(usual: Timing, other: Timing) -> float:
    """How many times as fast the other is, in the geometric mean over the batch sizes."""
    logs = [
        math.log(other.images_per_second[size] / speed) for size, speed in usual.images_per_second.items()
    ]
    return math.exp(sum(logs) / len(logs))
