"""HDF5 models of Keras 1, Keras 2 and TensorFlow 1, and those of Keras 3."""

from residual.importers.keras_h5.importer import LABEL, load, matches

__all__ = ["LABEL", "load", "matches"]
