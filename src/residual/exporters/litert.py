"""LiteRT, formerly TensorFlow Lite: for phones and small devices."""

import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

from residual._atomic import write_bytes
from residual.engines.card import KEY, ModelCard
from residual.exporters.tensorflow_child import write_in_tensorflow

if TYPE_CHECKING:
    import keras

_FILE_MARK = b"TFL3"


class LiteRTExporter:
    """The `Exporter` of LiteRT; the card is an entry of its metadata."""

    name, suffix, precisions = "litert", ".tflite", frozenset({"fp32"})

    def write(self, model: "keras.Model", card: ModelCard, path: Path, precision: str) -> None:
        """See `Exporter.write`."""
        write_in_tensorflow(_write, self.name, model, card, path)


def _write(model: "keras.Model", card: ModelCard, path: Path) -> None:
    write_bytes(path, add_card(convert_to_litert(model), card))


def convert_to_litert(model: "keras.Model") -> bytes:
    """The content of a .tflite file, float32.

    `from_keras_model` is the one that works: `from_concrete_functions` and `from_saved_model` leave the weights of a
    Keras 3 model out of the file without a warning, and what it computes is noise.

    Args:
        model: with a uint8 input, on TensorFlow.
    """
    import tensorflow as tf

    with contextlib.redirect_stdout(io.StringIO()):
        return tf.lite.TFLiteConverter.from_keras_model(model).convert()


def add_card(content: bytes, card: ModelCard) -> bytes:
    """A .tflite file with a card in its metadata."""
    import flatbuffers
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    buffer, entry = schema.BufferT(), schema.MetadataT()
    entry.name, entry.buffer = KEY.encode(), len(model.buffers)  # type: ignore[assignment]
    buffer.data = list(card.to_json().encode())
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    builder = flatbuffers.Builder(len(content) + 4096)
    builder.Finish(model.Pack(builder), _FILE_MARK)
    return bytes(builder.Output())
