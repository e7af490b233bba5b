"""ONNX: read by ONNX Runtime, OpenVINO, TensorRT, browsers and most other runtimes."""

from pathlib import Path
from typing import TYPE_CHECKING

from residual._atomic import write_bytes
from residual.engines.card import KEY, ModelCard
from residual.errors import RunError

if TYPE_CHECKING:
    import keras
    import onnx


class OnnxExporter:
    """The `Exporter` of ONNX."""

    name, suffix, precisions = "onnx", ".onnx", frozenset({"fp32", "int8"})

    def write(self, model: "keras.Model", card: ModelCard, path: Path, precision: str) -> None:
        """See `Exporter.write`."""
        write_bytes(path, make_onnx(model, card).SerializeToString())


def make_onnx(model: "keras.Model", card: ModelCard, with_features: bool = False) -> "onnx.ModelProto":
    """The ONNX model of a network, checked, with the card in its metadata.

    Args:
        model, card: as `Exporter.write` takes them.
        with_features: as `write_graph` takes it.

    Raises:
        RunError: if a layer cannot be exported, or onnx is not installed.
    """
    try:
        import onnx
    except ImportError:
        raise RunError(
            "Exports need the package onnx. Install it with pip install onnx onnxruntime."
        ) from None
    from residual.exporters.onnx_graph import write_graph

    made = write_graph(model, card.image_size, card.name, with_features)
    onnx.helper.set_model_props(made, {KEY: card.to_json()})
    onnx.checker.check_model(made)
    return made
