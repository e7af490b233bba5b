"""The formats that Keras and TensorFlow run themselves, opened as engines for the certificate."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from residual.engines import open_engine
from residual.engines.card import KEY, ModelCard, parse_card
from residual.engines.engine import Engine
from residual.errors import RunError


def open_export(path: Path) -> Engine:
    """Open a file of any format that `residual export` writes, in the runtime that it was written for.

    Raises:
        RunError: if the file or its runtime is missing.
    """
    opener = {".keras": KerasEngine, ".savedmodel": SavedModelEngine}.get(path.suffix)
    return opener(path) if opener else open_engine(path)


class KerasEngine(Engine):
    """A .keras file, opened by Keras as somebody without `residual` opens it."""

    def __init__(self, path: Path):
        import keras

        from residual.models.keras_file import load_model

        self._model, info = load_model(path)
        self.card = _read_card(info.get("card"), path)
        self.runtime = f"Keras {keras.__version__} on {keras.backend.backend()}"

    def _compute(self, images: np.ndarray) -> np.ndarray:
        from residual.backend.quiet import allow_retracing

        with allow_retracing():
            return self._model.predict(images, batch_size=len(images), verbose=0)


class SavedModelEngine(Engine):
    """A SavedModel folder, opened by TensorFlow."""

    def __init__(self, path: Path):
        import tensorflow as tf

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._loaded: Any = tf.saved_model.load(str(path))
        text = (path / "assets.extra" / f"{KEY}.json").read_bytes()
        self.card = parse_card(text, str(path))
        self.runtime = f"TensorFlow {tf.__version__}"

    def _compute(self, images: np.ndarray) -> np.ndarray:
        return np.asarray(self._loaded.serve(images))


def _read_card(table: Any, path: Path) -> ModelCard:
    import msgspec

    if table is None:
        raise RunError(f"{path} has no model card: `residual` did not export it.")
    return msgspec.convert(table, ModelCard)
