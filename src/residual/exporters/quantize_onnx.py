"""ONNX in int8, by ONNX Runtime's static quantization.

The convolutions are int8, with a scale for each output channel; the additions and the head are float. That answers
most like the network, and is as fast: with ONNX Runtime's own choice of layers the softmax has 256 levels, so that the
sum of probabilities misses 1 by up to 0.016 (measured on three networks).

Weights have 7 bits (`reduce_range`). A processor without VNNI adds two products of 8 bits in 16 bits, and full weights
overflow there without a warning: a ResNet-10 that is 97% right on SIGNS gets 75% right. With 7 bits the answers are the
same on every x86 processor.
"""

import logging
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from residual.engines.card import KEY, ModelCard
from residual.engines.telemetry import import_onnxruntime
from residual.exporters.calibration import Calibration
from residual.exporters.onnx import make_onnx

if TYPE_CHECKING:
    import keras

_BATCH = 32
_QUANTIZED = "Conv"


def write_onnx_attempts(
    model: "keras.Model", card: ModelCard, path: Path, calibration: Calibration
) -> Iterator[tuple[str, ...]]:
    """Write an int8 file, then others in which more of the sensitive layers are float.

    Args:
        model, card, path: as `Exporter.write` takes them.
        calibration: the images.

    Yields:
        After each file, the names of the convolutions that are float in it: none, then the most sensitive one, two,
        four, ... up to half of them.
    """
    with tempfile.TemporaryDirectory() as folder, _quiet():
        prepared = _prepare(model, card, Path(folder))
        layers = _list_layers(prepared)
        _quantize(prepared, path, calibration.images, layers)
        _add_card(path, card)
        yield ()
        ranked = _rank(prepared, calibration.images[:_BATCH], layers)
        count = 1
        while count <= len(layers) // 2:
            chosen = tuple(ranked[:count])
            _quantize(prepared, path, calibration.images, [name for name in layers if name not in chosen])
            _add_card(path, card)
            yield chosen
            count *= 2


@contextmanager
def _quiet() -> Iterator[None]:
    """ONNX Runtime's quantizer writes its remarks to the root logger."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _prepare(model: "keras.Model", card: ModelCard, folder: Path) -> Path:
    """The float32 file with the shape of every tensor."""
    import_onnxruntime()
    from onnxruntime.quantization.shape_inference import quant_pre_process

    source, prepared = folder / "float.onnx", folder / "prepared.onnx"
    source.write_bytes(make_onnx(model, card).SerializeToString())
    quant_pre_process(str(source), str(prepared), skip_optimization=True, skip_symbolic_shape=True)
    return prepared


def _list_layers(path: Path) -> list[str]:
    import onnx

    return [node.name for node in onnx.load(path).graph.node if node.op_type == _QUANTIZED]


def _quantize(source: Path, target: Path, images: np.ndarray, layers: Collection[str]) -> None:
    """Write `source` with these layers in int8."""
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    if not layers:
        target.write_bytes(source.read_bytes())
        return
    quantize_static(
        str(source),
        str(target),
        _make_reader(images, source),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=[_QUANTIZED],
        nodes_to_quantize=list(layers),
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )


def _make_reader(images: np.ndarray, source: Path) -> Any:
    """The images as the quantizer asks for them, a batch at a time."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader

    name = onnx.load(source).graph.input[0].name
    batches = iter([{name: images[start : start + _BATCH]} for start in range(0, len(images), _BATCH)])

    class Reader(CalibrationDataReader):
        def get_next(self) -> Any:
            return next(batches, None)

    return Reader()


def _add_card(path: Path, card: ModelCard) -> None:
    """The quantizer drops the metadata."""
    import onnx

    model = onnx.load(path)
    onnx.helper.set_model_props(model, {KEY: card.to_json()})
    path.write_bytes(model.SerializeToString())


def _rank(prepared: Path, images: np.ndarray, layers: list[str]) -> list[str]:
    """The layers, the one first that changes the answers most if it alone is int8."""
    expected, changes = _run(prepared, images), {}
    for name in layers:
        alone = prepared.with_name("alone.onnx")
        _quantize(prepared, alone, images, [name])
        changes[name] = float(np.abs(_run(alone, images) - expected).mean())
    return sorted(layers, key=lambda name: -changes[name])


def _run(path: Path, images: np.ndarray) -> np.ndarray:
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: images})[0])
