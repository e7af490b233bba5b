"""LiteRT files (.tflite), computed by LiteRT."""

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np

from residual.backend.quiet import drop_lines
from residual.engines.card import KEY, parse_card
from residual.engines.engine import Engine
from residual.errors import RunError


class LiteRTEngine(Engine):
    """A .tflite file that `residual export` wrote.

    Args:
        path: the file.
        threads: that compute one batch; 0 for as many as the processor has cores.

    Raises:
        RunError: if LiteRT is not installed, or the file is not an exported classifier.
    """

    def __init__(self, path: Path, threads: int = 0):
        try:
            from ai_edge_litert import interpreter, schema_py_generated
        except ImportError:
            raise RunError(
                f"{path} needs LiteRT. Install it with pip install 'residual-learning[export]'."
            ) from None
        content = path.read_bytes()
        try:
            card = _read_metadata(schema_py_generated.Model.GetRootAsModel(content, 0))
            with drop_lines(_is_greeting):
                self._interpreter = interpreter.Interpreter(
                    model_content=content, num_threads=threads or os.cpu_count()
                )
                self._interpreter.allocate_tensors()
        except Exception as error:  # its errors have no common class
            reason = str(error).split("\n")[0]
            raise RunError(f"{path} cannot be opened by LiteRT: {reason}") from None
        if card is None:
            raise RunError(
                f"{path} has no model card: `residual` did not write it. Export a run with residual export."
            )
        self.card = parse_card(card, str(path))
        self.runtime = f"LiteRT {_find_version()}"
        self._lock = threading.Lock()  # an interpreter computes one batch at a time
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self._count = 0

    def _compute(self, images: np.ndarray) -> np.ndarray:
        with self._lock:
            if len(images) != self._count:
                self._interpreter.resize_tensor_input(self._input, images.shape)
                self._interpreter.allocate_tensors()
                self._count = len(images)
            self._interpreter.set_tensor(self._input, images)
            self._interpreter.invoke()
            return self._interpreter.get_tensor(self._output)


def _is_greeting(line: bytes) -> bool:
    """Whether LiteRT says how it computes, for which it has no switch."""
    return line.startswith(b"INFO: ")


def _read_metadata(model: Any) -> bytes | None:
    """The card in the metadata of a file; None if there is none."""
    for number in range(model.MetadataLength()):
        entry = model.Metadata(number)
        if entry.Name() == KEY.encode():
            return model.Buffers(entry.Buffer()).DataAsNumpy().tobytes()
    return None


def _find_version() -> str:
    from importlib import metadata

    return metadata.version("ai-edge-litert")
