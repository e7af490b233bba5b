"""Unequal classes: noticed, sampled again, weighed."""

from dataclasses import replace

import keras
import numpy as np
import pytest

import residual
from residual.data.balance import class_weights, imbalance, resampled
from residual.data.images import Dataset, Images
from residual.errors import DataError
from residual.training import trainer
from tests.test_training import QUICK, quiet, stripes


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
    with pytest.raises(DataError, match=r"^class_balance must be sample or weights; got 'both'\.$"):
        residual.train("nowhere", class_balance="both")


@pytest.mark.parametrize("way", ["sample", "weights"])
def test_a_run_says_what_is_unequal_and_what_leaked(tmp_path, monkeypatch, way):
    images, test = stripes(90, 0), stripes(12, 1)
    train = images.take((images.y != 2) | (np.arange(90) < 20))  # 30, 30 and 6 images
    x_test = np.concatenate([test.x, train.x[:2]])
    arrays = {"x_train": train.x, "y_train": train.y, "x_test": x_test}
    np.savez(tmp_path / "a.npz", **arrays, y_test=np.concatenate([test.y, train.y[:2]]))
    weights = []
    fit = keras.Model.fit

    def noting(*args, **named):
        weights.append(named["class_weight"])
        return fit(*args, **named)

    monkeypatch.setattr(keras.Model, "fit", noting)
    console = quiet()
    recipe = replace(QUICK, epochs=1)
    run = residual.train(
        tmp_path / "a.npz", recipe=recipe, precision="float32", class_balance=way, console=console
    )
    said = console.file.getvalue()
    assert f"classes are unequal: 27 images of 0, 5 of 2; --balance {way}" in said
    assert run.folder.asked["balance"] == way
    assert run.report["train_images"] == (81 if way == "sample" else 59)
    expected = None if way == "sample" else 3.933
    assert [given and round(given[2], 3) for given in weights] == [expected] * 2  # plan, training
    scores = run.evaluate()
    assert (scores.n, scores.leaked, scores.without_leaked.n) == (14, 2, 12)
    assert run.report["test"]["without_leaked"]["n"] == 12


def test_validation_does_not_part_twins():
    data = unequal(20, 20)
    doubled = Images(np.repeat(data.train.x, 2, axis=0), np.repeat(data.train.y, 2))
    split = trainer.with_validation(replace(data, train=doubled), 0.2, seed=0)
    assert (len(split.train), len(split.validation)) == (64, 16)
    assert not set(split.train.x[:, 0, 0, 0]) & set(split.validation.x[:, 0, 0, 0])
