"""Which engine opens which file."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from residual.engines.engine import Engine
from residual.engines.litert import LiteRTEngine
from residual.engines.onnx import OnnxEngine
from residual.engines.openvino import OpenVinoEngine
from residual.errors import RunError

# Ending of a file -> what opens it.
ENGINES: dict[str, Callable[[Path, int], Engine]] = {
    ".onnx": OnnxEngine,
    ".xml": OpenVinoEngine,
    ".tflite": LiteRTEngine,
}


def can_keep_engine() -> bool:
    """Whether the packages are there that write and read the engine of a run."""
    return all(find_spec(name) is not None for name in ("onnx", "onnxruntime"))


def open_engine(path: str | Path, threads: int = 0) -> Engine:
    """Open an exported network.

    Args:
        path: a file that `residual export` wrote.
        threads: that compute one batch; 0 for as many as the processor has cores.

    Raises:
        RunError: if there is no such file, its runtime is not installed, or it is not an exported classifier.
    """
    file = Path(path)
    if not file.is_file():
        raise RunError(f"There is no exported model {file}.")
    opener = ENGINES.get(file.suffix.lower())
    if opener is None:
        raise RunError(f"An exported model must end in {', '.join(ENGINES)}; got {file}.")
    return opener(file, threads)
