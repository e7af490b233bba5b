"""The temperature is found again, never leaves its bounds, and undoes itself."""

import numpy as np
import pytest

from residual.trust.temperature import LEAST, MOST, apply_temperature, find_nll, fit_temperature


def draw(n: int, temperature: float, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of a network whose logits must be divided by `temperature` to be frequencies, and labels."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (n, classes))
    true = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = np.array([rng.choice(classes, p=row) for row in true])
    shown = np.exp(logits * temperature)
    return (shown / shown.sum(1, keepdims=True)).astype(np.float32), labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_a_temperature_is_found_again(temperature):
    probabilities, labels = draw(4000, temperature)
    assert fit_temperature(probabilities, labels) == pytest.approx(temperature, rel=0.1)


def test_few_images_move_it_little_and_images_that_are_all_right_do_not_move_it_without_end():
    modest = np.tile([0.9, 0.1], (24, 1))
    few, many = fit_temperature(modest[:3], np.zeros(3, int)), fit_temperature(modest, np.zeros(24, int))
    assert LEAST < many < few < 1
    sure = np.tile([0.999, 0.001], (4000, 1))
    assert fit_temperature(sure, np.tile([0, 1], 2000)) == pytest.approx(MOST, rel=1e-3)


def test_calibration_lowers_the_likelihood_that_is_lost_and_keeps_labels():
    probabilities, labels = draw(500, 2.0)
    after = apply_temperature(probabilities, fit_temperature(probabilities, labels))
    assert find_nll(after, labels) < find_nll(probabilities, labels)
    assert (after.argmax(1) == probabilities.argmax(1)).all()


def test_a_temperature_undoes_itself():
    probabilities, _ = draw(50, 1.0)
    there = apply_temperature(probabilities, 0.6)
    assert np.abs(apply_temperature(there, 1 / 0.6) - probabilities).max() < 1e-6


def test_a_probability_of_zero_is_no_infinity():
    rows = apply_temperature(np.array([[1.0, 0.0]], np.float32), 0.5)
    assert np.isfinite(rows).all()
    assert rows.sum() == pytest.approx(1)
