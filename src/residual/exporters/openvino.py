"""OpenVINO: an .xml of the graph and a .bin of the weights, for Intel's and other x86 processors."""

from pathlib import Path
from typing import TYPE_CHECKING

from residual.engines.card import KEY, ModelCard
from residual.engines.openvino import import_openvino
from residual.exporters.exporter import replace_all
from residual.exporters.onnx import make_onnx

if TYPE_CHECKING:
    import keras


class OpenVinoExporter:
    """The `Exporter` of OpenVINO. "bf16" is a request to the engine; the weights are stored as float32."""

    name, suffix, precisions = "openvino", ".xml", frozenset({"fp32", "bf16", "int8"})

    def write(self, model: "keras.Model", card: ModelCard, path: Path, precision: str) -> None:
        """See `Exporter.write`. The weights stand beside `path`, in a file that ends in .bin."""
        openvino = import_openvino(path)
        with replace_all(path, path.with_suffix(".bin")) as (xml, _):
            source = xml.with_suffix(".onnx")
            source.write_bytes(make_onnx(model, card).SerializeToString())
            graph = openvino.convert_model(source)
            graph.set_rt_info(card.to_json(), [KEY])
            openvino.save_model(graph, xml, compress_to_fp16=False)
