"""Keras's own file, for programs that have Keras."""

from pathlib import Path
from typing import TYPE_CHECKING

from residual.engines.card import ModelCard

if TYPE_CHECKING:
    import keras


class KerasExporter:
    """The `Exporter` of Keras's own file."""

    name, suffix, precisions = "keras", ".keras", frozenset({"fp32"})

    def write(self, model: "keras.Model", card: ModelCard, path: Path, precision: str) -> None:
        """See `Exporter.write`."""
        from residual.models.keras_file import save_model

        info = {"classes": list(card.classes), "image_size": list(card.image_size), "network": card.network}
        info |= {"white": card.white} if card.white is not None else {}
        save_model(model, path, {**info, "card": card.to_dict()})
