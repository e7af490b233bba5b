"""A classifier that looks at images: probabilities, and whether they can be believed."""

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from residual.data.pixel_store import Pixels
from residual.errors import DataError, RunError
from residual.evaluation.classifier import Classifier
from residual.evaluation.engine_network import EngineNetwork
from residual.trust.judge import Verdict, judge, name_precision
from residual.trust.thresholds import DEFAULT, Threshold, parse_precision

# Networks with their features as a second output: Keras compiles each of them once.
_WITH_FEATURES: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


class Viewer:
    """Shows images to a classifier, whose features are read in the same pass as its probabilities.

    Args:
        classifier: the network.
        precision_at: the precision below which an answer counts as unsure, such as 0.99 or "99%"; None takes the usual
            one, `thresholds.DEFAULT`, if the classifier has facts to judge by. Without the facts of a run those in the
            card of an exported file are taken, which judge probabilities alone.

    Attributes:
        threshold: by which answers are judged; None without facts.

    Raises:
        DataError: if the precision is none, or is not among those that the card of an exported file lists.
        RunError: if a precision is asked for and the classifier has no facts.
    """

    def __init__(self, classifier: Classifier, precision_at: float | str | None = None):
        self._classifier, self._facts = classifier, classifier.facts
        self._model: Any = classifier.model
        self.threshold: Threshold | None = None
        wanted = None if precision_at is None else parse_precision(precision_at)
        if self._facts is None:
            self.threshold = _find_in_card(classifier.model, wanted)
            return
        self.threshold = self._facts.choose_threshold(wanted or DEFAULT)
        if self._facts.space is not None:
            self._model = add_features(classifier.model)

    def view(self, x: Pixels) -> tuple[np.ndarray, list[Verdict] | None]:
        """What the classifier says of images.

        Args:
            x: uint8 (n, height, width, 3).

        Returns:
            float32 (n, classes), and a verdict for each image; None instead of them without facts.
        """
        from residual.evaluation.predict import predict_all

        rows, *more = predict_all(self._model, x, pixels=self._classifier.pixels)
        if self.threshold is None:
            return rows, None
        if self._facts is None:
            return rows, judge(rows.max(1), self.threshold)
        space = self._facts.space
        distances = space.find_distances(more[0]) if space is not None and more else None
        return rows, judge(rows.max(1), self.threshold, distances, self._facts.limit)


def _find_in_card(model: Any, wanted: float | None) -> Threshold | None:
    """The threshold that the card of an exported file lists; None if nothing is known and nothing asked for."""
    trust = model.engine.card.trust if isinstance(model, EngineNetwork) else None
    if trust is None:
        if wanted is not None:
            raise explain_no_facts()
        return None
    found = trust.find_threshold(wanted or DEFAULT)
    if found is None:
        listed = ", ".join(name_precision(one.precision) for one in trust.thresholds)
        raise DataError(
            f"precision_at must be one of {listed}, which the card of the exported file lists; got "
            f"{name_precision(wanted or DEFAULT)}. A run chooses a threshold for any precision."
        )
    return found


def add_features(model: Any) -> Any:
    """The same network with what its last layer reads as a second output; itself if it has no such layer.

    Args:
        model: a Keras model, or an `EngineNetwork`, whose file has that output already.
    """
    if isinstance(model, EngineNetwork):
        return model
    import keras

    from residual.models.head import find_head

    if model not in _WITH_FEATURES:
        head = find_head(model)
        if head is None:
            return model
        _WITH_FEATURES[model] = keras.Model(model.input, [model.output, head.features])
    return _WITH_FEATURES[model]


def explain_no_facts() -> RunError:
    """The error for a precision that nothing is known about."""
    return RunError(
        "`precision_at` needs what the validation images showed, which a run keeps in trust.npz. A model file alone "
        "and a run of an earlier version do not have it: name a run, or train again."
    )
