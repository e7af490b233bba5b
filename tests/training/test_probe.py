"""Softmax regression on features: against scikit-learn, and the choice of its strength."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from residual.training.probe import FOLDS, STRENGTHS, find_softmax, fit_head


def blobs(n: int, d: int, classes: int, seed: int, spread: float = 3.0):
    rng = np.random.default_rng(0)
    means = rng.normal(size=(classes, d))
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    return (means[y] + spread * rng.normal(size=(n, d))).astype(np.float32) * 7 + 100, y


@pytest.mark.parametrize(("n", "d"), [(120, 10), (40, 64)])
def test_the_weights_are_those_of_scikit_learn(n, d):
    x, y = blobs(n, d, 3, 1)
    head = fit_head(x, y, 3, strengths=(1.0,))
    scaled = (x - x.mean(0)) / x.std(0)
    other = LogisticRegression(C=d / n, tol=1e-8, max_iter=5_000).fit(scaled, y)
    assert np.allclose(head.predict(x), other.predict_proba(scaled), atol=2e-3)
    assert head.kernel.shape == (d, 3)


def test_the_strength_is_the_one_that_predicts_other_images_best():
    x, y = blobs(400, 40, 4, 1)
    few = fit_head(x[:80], y[:80], 4, (x[80:], y[80:]))
    assert few.chosen_on == "320 validation images"
    losses = {}
    for strength in STRENGTHS[2:]:  # a fit with hardly any decay is stopped before it has converged
        rows = fit_head(x[:80], y[:80], 4, strengths=(strength,)).predict(x[80:])
        losses[strength] = -np.log(rows[np.arange(320), y[80:]]).mean()
    assert {strength: few.losses[strength] for strength in losses} == pytest.approx(losses, abs=2e-3)
    assert few.strength == min(losses, key=losses.get)
    by_parts = fit_head(x[:80], y[:80], 4, (x[80:90], y[80:90]))
    assert by_parts.chosen_on == f"{FOLDS} parts of the 80 training images"


def test_a_feature_that_is_all_but_constant_and_one_image_of_a_class_do_no_harm():
    x, y = blobs(30, 8, 3, 2)
    x[:, 0] = 5
    x[0, 0] = 5.001
    y = np.where(np.arange(30) == 0, 2, y % 2)
    head = fit_head(x, y, 3)
    assert np.isfinite(head.kernel).all()
    assert head.predict(x).shape == (30, 3)
    assert find_softmax(np.array([[1000.0, 0.0]])) == pytest.approx(np.array([[1.0, 0.0]]))
    single = fit_head(x[:1], np.zeros(1, int), 2)
    assert np.isfinite(single.predict(x)).all()
