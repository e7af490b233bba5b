"""The model card of a trained network."""

from typing import TYPE_CHECKING, Any

import msgspec

from residual.engines.card import ModelCard
from residual.errors import RunError
from residual.trust.facts import Trust

if TYPE_CHECKING:
    from residual.evaluation.classifier import Classifier
    from residual.runs.folder import RunFolder


def describe_run(folder: "RunFolder") -> ModelCard:
    """The card of a run; the exporter fills in format and versions.

    Args:
        folder: of a run whose training has ended.

    Raises:
        RunError: if run.toml or report.json is damaged.
    """
    from residual.data.location import find_white

    record, report = folder.record, folder.report
    height, width = record.data.image_size[:2]
    return ModelCard(
        name=folder.path.name,
        network=record.network.name,
        classes=record.data.classes,
        image_size=(height, width),
        precision="fp32",
        exported_to="",
        white=find_white(record.train["data"]),
        source=record.data.source,
        weights_sha256=report.get("weights_sha256", ""),
        license=str(record.network.spec.get("license") or ""),
        origin=str(record.train.get("weights") or ""),
        trust=_read_trust(report.get("trust")),
    )


def _read_trust(table: Any) -> Trust | None:
    try:
        return None if table is None else msgspec.convert(table, Trust)
    except msgspec.ValidationError as error:
        raise RunError(f"report.json is damaged: trust in it cannot be read ({error}).") from None


def describe_classifier(classifier: "Classifier", name: str) -> ModelCard:
    """The card of a network without a run.

    Args:
        classifier: the network and the names of its outputs.
        name: of its file.

    Raises:
        DataError: if it does not take RGB images of one size.
    """
    from residual.evaluation.predict import find_image_size
    from residual.training.batch_norm import hash_weights

    scaling = classifier.preprocessing
    known = (
        {} if scaling is None else {"preprocessing": scaling.to_dict(), "resize": scaling.describe_scaling()}
    )
    return ModelCard(
        name=name,
        network=classifier.model.name,
        classes=classifier.classes,
        image_size=find_image_size(classifier.model),
        precision="fp32",
        exported_to="",
        white=classifier.white,
        weights_sha256=hash_weights(classifier.model),
        license=classifier.license,
        origin=classifier.origin,
        **known,
    )


def take_raw_pixels(classifier: "Classifier") -> Any:
    """The network of a classifier with the scaling of pixels that its program did inside."""
    import keras

    from residual.evaluation.classifier import DEFAULT_PIXELS

    if classifier.pixels == DEFAULT_PIXELS:
        return classifier.model
    scaling = {"0-1": (1 / 255, 0.0), "-1-1": (1 / 127.5, -1.0)}[classifier.pixels]
    pixels = keras.Input(classifier.model.input_shape[1:])
    return keras.Model(pixels, classifier.model(keras.layers.Rescaling(*scaling)(pixels)), name="network")
