"""Preset folders of keras-hub that hold a ResNet."""

from residual.importers.keras_hub.importer import LABEL, load, matches

__all__ = ["LABEL", "load", "matches"]
