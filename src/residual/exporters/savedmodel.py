"""SavedModel: a folder that TensorFlow and TensorFlow Serving read."""

from pathlib import Path
from typing import TYPE_CHECKING

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
        model.export(folder, format="tf_saved_model", verbose=False)
        extra = folder / "assets.extra"
        extra.mkdir()
        (extra / f"{KEY}.json").write_text(card.to_json(), "utf-8")
