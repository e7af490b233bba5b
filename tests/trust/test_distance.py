"""The distance to the training images, and the limit that validation images set."""

import numpy as np
import pytest

from residual.trust import distance
from residual.trust.distance import choose_limit, fit_feature_space


def draw(n: int, seed: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Two clouds in 12 dimensions, narrow in the last six; `shift` moves them along a narrow one."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    x = rng.normal(0, [1.0] * 6 + [0.05] * 6, (n, 12))
    x[:, 0] += 10 * labels
    x[:, -1] += shift
    return x.astype(np.float32), labels


def test_what_lies_beside_a_cloud_is_farther_than_what_lies_in_it():
    space = fit_feature_space(*draw(400, 0))
    known, strange = space.find_distances(draw(300, 1)[0]), space.find_distances(draw(300, 2, 1.5)[0])
    assert strange.min() > known.max()
    between = np.zeros((1, 12), np.float32)
    between[0, 0] = 5
    assert space.find_distances(between)[0] > known.mean()


def test_the_distance_is_that_of_mahalanobis():
    x, labels = draw(400, 0)
    means = np.stack([x[labels == kind].mean(0) for kind in (0, 1)])
    covariance = (x - means[labels]).T @ (x - means[labels]) / len(x)
    covariance = 0.9 * covariance + 0.1 * np.trace(covariance) / 12 * np.eye(12)
    other, _ = draw(20, 5)
    squares = [
        [(row - mean) @ np.linalg.inv(covariance) @ (row - mean) for mean in means]
        for row in other.astype(float)
    ]
    space = fit_feature_space(x, labels)
    assert space.find_distances(other) == pytest.approx(np.sqrt(np.min(squares, 1)), rel=1e-3)


def test_directions_beyond_the_most_share_one_spread(monkeypatch):
    monkeypatch.setattr(distance, "MOST_DIRECTIONS", 6)
    space = fit_feature_space(*draw(400, 0))
    assert space.directions.shape == (12, 6)
    known, strange = space.find_distances(draw(300, 1)[0]), space.find_distances(draw(300, 2, 5.0)[0])
    assert strange.min() > known.max()


def test_features_that_never_change_are_no_division_by_zero():
    x, labels = np.ones((8, 4), np.float32), np.arange(8) % 2
    space = fit_feature_space(x, labels)
    assert (space.find_distances(x) == 0).all()
    assert np.isfinite(space.find_distances(2 * x)).all()


def test_a_class_without_images_is_left_out():
    assert fit_feature_space(np.eye(4, dtype=np.float32), np.array([0, 0, 3, 3])).means.shape == (2, 4)


def test_the_limit_says_how_many_false_alarms_to_expect():
    few = choose_limit(np.arange(24.0))
    assert (few.distance, few.false_alarms, few.n) == (23.0, 1 / 25, 24)
    many = choose_limit(np.arange(999.0))
    assert (many.distance, many.false_alarms) == (989.0, 0.01)
