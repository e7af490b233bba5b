"""OpenVINO in int8, by NNCF.

Weights have 7 bits in all layers (`OverflowFix.ENABLE`), so that a processor without VNNI gives the same answers as one
with it: NNCF's default protects only the first layer.

Its bias correction is off: on four networks the answers were nearer to the network's without it. The median difference
of probabilities was 0.0001 instead of 0.0006 (digits), 0.0041 instead of 0.0053 (SIGNS), 0.0031 instead of 0.0053
(photos) and 0.014 instead of 0.025 (CIFAR-10, where 98.6% of the labels were kept instead of 96.3%).
"""

import contextlib
import io
import logging
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from residual.engines.card import KEY, ModelCard
from residual.engines.openvino import hide_telemetry, import_openvino
from residual.errors import RunError
from residual.exporters.calibration import Calibration
from residual.exporters.exporter import replace_all
from residual.exporters.openvino import OpenVinoExporter

if TYPE_CHECKING:
    import keras

_WEIGHTED = ("Convolution", "GroupConvolution", "MatMul")


def write_openvino_attempts(
    model: "keras.Model", card: ModelCard, path: Path, calibration: Calibration
) -> Iterator[tuple[str, ...]]:
    """Write an int8 file, then one in which NNCF has put back the sensitive layers.

    Args:
        model, card, path: as `Exporter.write` takes them.
        calibration: the images, and the loss that NNCF may accept.

    Yields:
        After each file, the names of the layers with weights that are float in it.
    """
    nncf, openvino = _import_nncf(path), import_openvino(path)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "float.xml"
        OpenVinoExporter().write(model, card, source, "fp32")
        graph = openvino.Core().read_model(source)
        images = nncf.Dataset([calibration.images[i : i + 1] for i in range(len(calibration.images))])
        settings = {
            "subset_size": len(calibration.images),
            "preset": nncf.QuantizationPreset.PERFORMANCE,
        }
        advanced = _choose_settings()
        with _quiet():
            made = nncf.quantize(graph, images, advanced_parameters=advanced, **settings)
        _save(openvino, made, card, path)
        yield ()
        with _quiet():
            made = nncf.quantize_with_accuracy_control(
                graph,
                images,
                _make_validation(nncf, calibration),
                _measure_accuracy,
                max_drop=calibration.max_loss / 100,
                advanced_quantization_parameters=advanced,
                **settings,
            )
        _save(openvino, made, card, path)
        yield _list_float_layers(made)


def _choose_settings() -> Any:
    """Weights of 7 bits in all layers, and no bias correction."""
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, OverflowFix

    return AdvancedQuantizationParameters(overflow_fix=OverflowFix.ENABLE, disable_bias_correction=True)


def _import_nncf(path: Path) -> Any:
    with hide_telemetry():
        try:
            import nncf
        except ImportError:
            raise RunError(
                f"{path} needs NNCF for int8. Install it with pip install 'residual-learning[export]'."
            ) from None
    return nncf


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """NNCF prints progress bars and logs every step."""
    log, level = logging.getLogger("nncf"), logging.getLogger("nncf").level
    log.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        log.setLevel(level)


def _make_validation(nncf: Any, calibration: Calibration) -> Any:
    validation = calibration.validation
    items = [(validation.x[i : i + 1], int(validation.y[i])) for i in range(len(validation))]
    return nncf.Dataset(items, lambda item: item[0])


def _measure_accuracy(compiled: Any, items: Iterable[tuple[np.ndarray, int]]) -> tuple[float, list[float]]:
    """The accuracy, and 1 or 0 for each image: what NNCF ranks layers by."""
    right = [float(compiled(image)[0].argmax() == label) for image, label in items]
    return sum(right) / len(right), right


def _list_float_layers(graph: Any) -> tuple[str, ...]:
    """The layers with weights of which no input is rounded to int8."""
    return tuple(
        node.get_friendly_name()
        for node in graph.get_ordered_ops()
        if node.get_type_name() in _WEIGHTED
        and node.input_value(0).get_node().get_type_name() != "FakeQuantize"
    )


def _save(openvino: Any, graph: Any, card: ModelCard, path: Path) -> None:
    graph.set_rt_info(card.to_json(), [KEY])
    with replace_all(path, path.with_suffix(".bin")) as (xml, _):
        openvino.save_model(graph, xml, compress_to_fp16=False)
