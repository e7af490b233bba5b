"""The calibration error with its interval, and the bins of a reliability diagram."""

import numpy as np
import pytest

from residual.trust.calibration import list_reliability, measure_calibration


def draw(n: int, too_sure: float) -> tuple[np.ndarray, np.ndarray]:
    """Confidences, and hits that come `too_sure` less often than they say."""
    rng = np.random.default_rng(3)
    confidence = rng.uniform(0.4, 1.0, n)
    return confidence, rng.random(n) < confidence - too_sure


def test_a_network_that_can_be_taken_at_its_word_has_zero_in_its_interval():
    found = measure_calibration(*draw(200, 0.0))
    assert found.interval[0] == 0.0
    assert found.error == pytest.approx(found.by_chance, rel=0.5)
    assert found.error > 0.03  # what 200 images leave to chance


def test_a_network_that_is_too_sure_does_not():
    found = measure_calibration(*draw(2000, 0.2))
    assert found.interval[0] < 0.2 < found.interval[1]
    assert found.interval[0] > 0.15
    assert found.by_chance < 0.04


def test_the_figures_are_the_same_each_time():
    assert measure_calibration(*draw(60, 0.1)) == measure_calibration(*draw(60, 0.1))


def test_bins_of_the_diagram():
    bins = list_reliability(np.array([0.2, 0.5, 0.6, 1.0]), np.array([False, True, False, True]), bins=2)
    assert [(one.low, one.high, one.n, one.correct) for one in bins] == [(0.0, 0.5, 2, 1), (0.5, 1.0, 2, 1)]
    assert [one.confidence for one in bins] == pytest.approx([0.35, 0.8])
    assert list_reliability(np.array([1.0]), np.array([True]), bins=2)[0].confidence == 0.0
