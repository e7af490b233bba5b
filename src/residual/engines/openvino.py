"""OpenVINO files (.xml with .bin), computed by OpenVINO."""

import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

from residual.engines.card import KEY, parse_card
from residual.engines.engine import Engine
from residual.errors import RunError

_HINTS = {
    "fp32": "f32",
    "bf16": "bf16",
    "int8": "f32",
}  # precision of the card -> that of sums and activations
_WORDS = {"f32": "fp32", "u8": "int8", "i8": "int8"}  # OpenVINO's word -> ours
_TELEMETRY = "openvino_telemetry"


def import_openvino(path: Path | str) -> Any:
    """OpenVINO, without its telemetry.

    Importing openvino writes ~/intel/openvino_ga_cid and reports the import to Google Analytics, unless the user has
    run its program opt_in_out. Without the package openvino_telemetry it does neither, so it is hidden meanwhile.

    Args:
        path: the file that needs it, for the error.

    Raises:
        RunError: if it is not installed.
    """
    with hide_telemetry():
        try:
            import openvino
            import openvino.tools.ovc
        except ImportError:
            raise RunError(
                f"{path} needs OpenVINO. Install it with pip install 'residual-learning[export]'."
            ) from None
    return openvino


class hide_telemetry:
    """While it is entered, the package openvino_telemetry cannot be imported."""

    def __enter__(self) -> None:
        self._is_absent = _TELEMETRY not in sys.modules
        if self._is_absent:
            sys.modules[_TELEMETRY] = None  # type: ignore[assignment]

    def __exit__(self, *_: object) -> None:
        if self._is_absent:
            del sys.modules[_TELEMETRY]


class OpenVinoEngine(Engine):
    """An .xml file that `residual export` wrote, with its .bin.

    Args:
        path: the .xml file.
        threads: that compute one batch; 0 for as many as the processor has cores.

    Raises:
        RunError: if OpenVINO is not installed, or the file is not an exported classifier.
    """

    def __init__(self, path: Path, threads: int = 0):
        openvino = import_openvino(path)
        core = openvino.Core()
        try:
            model = core.read_model(path)
            card = model.get_rt_info([KEY]).astype(str) if model.has_rt_info([KEY]) else None
        except Exception as error:  # its errors have no common class
            reason = str(error).strip().split("\n")[-1]
            raise RunError(f"{path} cannot be opened by OpenVINO: {reason}") from None
        if card is None:
            raise RunError(
                f"{path} has no model card: `residual` did not write it. Export a run with residual export."
            )
        self.card = parse_card(card, str(path))
        settings = {"INFERENCE_PRECISION_HINT": _HINTS[self.card.precision], "PERFORMANCE_HINT": "LATENCY"}
        if threads:
            settings["INFERENCE_NUM_THREADS"] = str(threads)
        try:
            self._compiled = core.compile_model(model, "CPU", settings)
        except RuntimeError as error:
            reason = str(error).strip().split("\n")[-1]
            raise RunError(f"{path} cannot be run by OpenVINO in {self.card.precision}: {reason}") from None
        self._requests = threading.local()  # a request computes one batch at a time
        self.runtime = f"OpenVINO {openvino.__version__.split('-')[0]}"
        if self.card.precision == "bf16":
            self.runtime += f", computing in {self.find_precision()}"

    def find_precision(self) -> str:
        """What most multiplications are computed in: "fp32", "bf16", "int8", ...

        A processor without bfloat16 computes in float32, whatever the card asks for.
        """
        counts: dict[str, int] = {}
        for node in self._compiled.get_runtime_model().get_ops():
            info = node.get_rt_info()
            if info["layerType"].astype(str) in ("Convolution", "FullyConnected", "MatMul"):
                precision = info["runtimePrecision"].astype(str)
                counts[precision] = counts.get(precision, 0) + 1
        most = max(counts, key=lambda precision: counts[precision]) if counts else "f32"
        return _WORDS.get(most, most)

    def _compute(self, images: np.ndarray) -> np.ndarray:
        request = getattr(self._requests, "request", None)
        if request is None:
            request = self._requests.request = self._compiled.create_infer_request()
        return request.infer({0: images})[0].copy()
