"""ONNX files, computed by ONNX Runtime."""

from pathlib import Path

import numpy as np

from residual.engines.card import KEY, parse_card
from residual.engines.engine import Engine
from residual.engines.telemetry import import_onnxruntime
from residual.errors import RunError


class OnnxEngine(Engine):
    """An .onnx file that `residual export` wrote.

    Args:
        path: the file.
        threads: that compute one batch; 0 for as many as the processor has cores.
        spin: whether they wait for the next batch by spinning, which is faster if nothing else needs the cores.

    Raises:
        RunError: if ONNX Runtime is not installed, or the file is not an exported classifier.
    """

    def __init__(self, path: Path, threads: int = 0, spin: bool = True):
        try:
            onnxruntime = import_onnxruntime()
        except ImportError:
            raise RunError(f"{path} needs ONNX Runtime. Install it with pip install onnxruntime.") from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spin else "0")
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no common class
            reason = str(error).split("\n")[0]
            raise RunError(f"{path} cannot be opened by ONNX Runtime: {reason}") from None
        card = self._session.get_modelmeta().custom_metadata_map.get(KEY)
        if card is None:
            raise RunError(
                f"{path} has no model card: `residual` did not write it. Export a run with residual export."
            )
        self.card = parse_card(card, str(path))
        self.runtime = f"ONNX Runtime {onnxruntime.__version__}"
        self._input = self._session.get_inputs()[0].name
        self._outputs = [output.name for output in self._session.get_outputs()]

    def _compute(self, images: np.ndarray) -> np.ndarray:
        return self._session.run(self._outputs[:1], {self._input: images})[0]

    def predict_all(self, images: np.ndarray) -> list[np.ndarray]:
        """See `Engine.predict_all`."""
        self._check(images)
        return self._session.run(self._outputs, {self._input: images})
