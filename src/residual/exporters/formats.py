"""The table of formats."""

from residual.exporters.exporter import Exporter
from residual.exporters.keras_file import KerasExporter
from residual.exporters.litert import LiteRTExporter
from residual.exporters.onnx import OnnxExporter
from residual.exporters.openvino import OpenVinoExporter
from residual.exporters.savedmodel import SavedModelExporter

EXPORTERS: dict[str, Exporter] = {
    exporter.name: exporter
    for exporter in (
        OnnxExporter(),
        OpenVinoExporter(),
        LiteRTExporter(),
        KerasExporter(),
        SavedModelExporter(),
    )
}
