"""Folders of Hugging Face transformers that hold a ResNet."""

from residual.importers.transformers_folder.importer import LABEL, load, matches

__all__ = ["LABEL", "load", "matches"]
