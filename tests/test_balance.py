"""Unequal classes: noticed, sampled again, weighed."""

import numpy as np
import pytest

import residual
from residual.data.balance import class_weights, imbalance, resampled
from residual.data.images import Dataset, Images
from residual.errors import DataError


def unequal(*counts: int) -> Dataset:
    y = np.repeat(np.arange(len(counts)), counts)
    x = np.arange(len(y), dtype=np.uint8)[:, None, None, None].repeat(3, axis=3)
    return Dataset("x", Images(x, y), Images(x, y), ("a", "b", "c")[: len(counts)], "")


def test_imbalance_is_said():
    assert imbalance(unequal(9, 3).train.y, ("a", "b")) == "classes are unequal: 9 images of a, 3 of b"
    assert imbalance(unequal(8, 3).train.y, ("a", "b")) == ""


def test_resampled_takes_every_image_and_some_again():
    data = unequal(7, 3, 5)
    balanced = resampled(data, seed=0)
    assert np.bincount(balanced.train.y).tolist() == [7, 7, 7]
    taken = np.bincount(balanced.train.x[:, 0, 0, 0])
    assert sorted(taken[:7]) == [1] * 7
    assert sorted(taken[7:10]) == [2, 2, 3]
    assert sorted(taken[10:]) == [1, 1, 1, 2, 2]
    assert balanced.test is data.test
    np.testing.assert_array_equal(balanced.train.x, resampled(data, seed=0).train.x)


def test_weights_make_classes_count_alike():
    labels = np.array([0, 0, 0, 2])
    weights = class_weights(labels)
    assert weights == {0: 4 / 6, 2: 2.0}
    assert np.mean([weights[label] for label in labels]) == 1


def test_a_wrong_way_is_refused_before_anything_is_read():
    with pytest.raises(DataError, match=r"^--balance must be sample or weights; got 'both'\.$"):
        residual.train("nowhere", balance="both")
