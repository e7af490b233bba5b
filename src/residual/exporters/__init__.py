"""Trained networks as files that other programs run, without this package.

A format is one module and one row of `EXPORTERS`. `export_model` writes a file and its model card.
"""

from residual.exporters.export import export_model
from residual.exporters.exporter import Exporter
from residual.exporters.formats import EXPORTERS

__all__ = ["EXPORTERS", "Exporter", "export_model"]
