"""An exported file judges its answers by the thresholds on its card."""

import msgspec
import numpy as np
import pytest

from residual.engines import open_engine
from residual.errors import DataError, RunError
from residual.evaluation.classifier import Classifier
from residual.evaluation.engine_network import EngineNetwork
from residual.evaluation.predict import predict_images
from residual.evaluation.verdicts import Viewer
from residual.trust.facts import Trust
from residual.trust.thresholds import choose_threshold
from tests.support.small_onnx import CARD, write_small_onnx

IMAGES = [np.full((8, 8, 3), (200, 100, 100), np.uint8), np.full((8, 8, 3), (101, 100, 100), np.uint8)]


def open_file(tmp_path, trust: Trust | None) -> Classifier:
    path = write_small_onnx(tmp_path / "colours.onnx", msgspec.structs.replace(CARD, trust=trust))
    return Classifier(EngineNetwork(open_engine(path)), CARD.classes)


def test_the_thresholds_of_the_card_are_used(tmp_path):
    confidence = np.linspace(0.5, 1, 200)
    thresholds = tuple(choose_threshold(confidence, confidence > 0.6, share) for share in (0.9, 0.95, 0.99))
    classifier = open_file(tmp_path, Trust(temperature=1.0, thresholds=thresholds))
    found = predict_images(classifier, IMAGES)
    assert [one.doubt for one in found] == ["", "unsure"]
    assert found.threshold == thresholds[1]
    assert found[1].verdict.distance is None
    assert Viewer(classifier, "99%").threshold == thresholds[2]
    with pytest.raises(DataError, match="precision_at must be one of 90%, 95%, 99%, which the card"):
        Viewer(classifier, 0.97)


def test_a_card_without_thresholds_judges_nothing(tmp_path):
    classifier = open_file(tmp_path, None)
    assert [one.verdict for one in predict_images(classifier, IMAGES)] == [None, None]
    with pytest.raises(RunError, match="`precision_at` needs what the validation images showed"):
        Viewer(classifier, 0.95)
