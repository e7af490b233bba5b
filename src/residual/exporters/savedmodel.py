"""SavedModel: a folder that TensorFlow and TensorFlow Serving read."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from residual.engines.card import KEY, ModelCard
from residual.exporters.exporter import replace_all
from residual.exporters.tensorflow_child import write_in_tensorflow

if TYPE_CHECKING:
    import keras


class SavedModelExporter:
    """The `Exporter` of SavedModel; the card lies in its folder assets.extra."""

    name, suffix, precisions = "savedmodel", ".savedmodel", frozenset({"fp32"})

    def write(self, model: "keras.Model", card: ModelCard, path: Path, precision: str) -> None:
        """See `Exporter.write`."""
        write_in_tensorflow(_write, self.name, model, card, path)


def _write(model: "keras.Model", card: ModelCard, path: Path) -> None:
    with replace_all(path) as (folder,):
        _save(model, folder)
        extra = folder / "assets.extra"
        extra.mkdir()
        (extra / f"{KEY}.json").write_text(card.to_json(), "utf-8")


def _save(model: "keras.Model", folder: Path) -> None:
    """Write what `model.export` writes, at half the size.

    Keras 3.15 keeps each weight twice: its own variable and the one of TensorFlow inside that variable.
    """
    import tensorflow as tf

    pixels = tf.TensorSpec((None, *model.input_shape[1:]), model.inputs[0].dtype, name=model.inputs[0].name)
    module: Any = tf.Module()
    module.serve = tf.function(
        lambda image: model(image, training=False), input_signature=[pixels], autograph=False
    )
    compiled = module.serve.get_concrete_function()
    module.weights = list(compiled.variables)
    tf.saved_model.save(module, str(folder), {"serve": compiled, "serving_default": compiled})
