"""ONNX files of residual networks."""

from residual.importers.onnx_weights.importer import LABEL, load, matches

__all__ = ["LABEL", "load", "matches"]
