"""Averaged weights: what they are, where they are put, and that a resumed training has the same."""

import keras
import numpy as np
import pytest
from msgspec.structs import replace

from residual.augment import Flip
from residual.backend.averages import assign_weights, list_averaged, make_averages, read_weights
from residual.errors import RecipeError
from residual.models import zoo
from residual.models.build import build_network
from residual.training.callbacks.average_weights import AverageWeights
from residual.training.schedules import OneCycle
from tests.support.cut import check_resumed, cut_before
from tests.support.made import QUICK, quiet, save_npz, striped, train_on

RECIPE = replace(QUICK, epochs=4, schedule=OneCycle(3e-3), augment=(Flip(),), average=0.2)  # 24 steps


@pytest.fixture(scope="module")
def model():
    return build_network(zoo.find_spec("cifar-resnet8"), (8, 8, 3), 3)


class Watch(keras.callbacks.Callback):
    """The weights after each step, and at the end of each epoch."""

    def __init__(self):
        super().__init__()
        self.steps, self.ends = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append(self.model.get_weights())

    def on_epoch_end(self, epoch, logs=None):
        self.ends.append(self.model.get_weights())


def train(file, name, **options):
    return train_on(quiet(), file, recipe=RECIPE, precision="float32", name=name, **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training from the beginning to the end: its report, its log, its weights, and what was seen of them."""
    place, watch = tmp_path_factory.mktemp("whole"), Watch()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        run = train(save_npz(place / "stripes.npz", striped()), "whole", callbacks=[watch])
        return run.report, run.folder.log_rows(), run.model.get_weights(), watch


def test_an_update_moves_every_average_by_its_share(model):
    first = read_weights(model)
    averages = make_averages(model, [value + 1 for value in first])
    averages.update(0.25)
    for value, average in zip(first, averages.read(), strict=True):
        np.testing.assert_allclose(average, value + 0.75, atol=1e-6)


def test_statistics_are_averaged_and_counts_are_not(model):
    names = {variable.path.rpartition("/")[2] for variable in list_averaged(model)}
    assert {"kernel", "gamma", "moving_variance"} <= names
    assert all("float" in str(variable.dtype) for variable in list_averaged(model))


def test_the_window_is_a_share_of_the_steps():
    long, short = AverageWeights(0.05, 10_000), AverageWeights(0.05, 40)
    assert (long.every, long.momentum) == (32, pytest.approx(1 - 32 / 500))
    assert (short.every, short.momentum) == (1, pytest.approx(0.5))
    assert AverageWeights(0.05, 4).momentum == 0, "a window below one step is the last weights"


def test_averages_are_validated_and_the_training_goes_on_with_its_own_weights(model):
    callback = AverageWeights(0.2, 20)
    callback.set_model(model)
    own = read_weights(model)
    callback.on_test_begin()
    assert all(map(np.array_equal, own, read_weights(model))), "before the first update there is no average"
    callback._update()
    assign_weights(model, [value + 1 for value in own])
    moved = read_weights(model)
    callback.on_test_begin()
    assert all(map(np.array_equal, own, read_weights(model)))
    callback.on_epoch_end(0)
    assert all(map(np.array_equal, moved, read_weights(model)))
    assign_weights(model, own)


def test_a_training_keeps_the_averages(whole):
    report, _, saved, watch = whole
    averaging = AverageWeights(RECIPE.average, len(watch.steps))
    expected = watch.steps[averaging.every - 1]
    for number, weights in enumerate(watch.steps[2 * averaging.every - 1 :: averaging.every], 1):
        share = 1 - min(averaging.momentum, (number + 1) / (number + 10))
        expected = [old + (new - old) * share for old, new in zip(expected, weights, strict=True)]
    for value, kept in zip(expected, watch.ends[-1], strict=True):
        np.testing.assert_allclose(kept, value, atol=1e-5)
    kernel = [weight.ndim for weight in watch.ends[-1]].index(4)
    assert not np.allclose(watch.ends[-1][kernel], watch.steps[-1][kernel], atol=1e-4)
    assert np.array_equal(saved[kernel], watch.ends[report["kept_epoch"] - 1][kernel])


@pytest.mark.parametrize("cut_at", [8, pytest.param(12, marks=pytest.mark.slow)])  # 12: between two epochs
def test_a_resumed_training_has_the_same_averages(whole, tmp_path, each_step, cut_at):
    with cut_before(cut_at):
        train(save_npz(tmp_path / "stripes.npz", striped()), "cut")
    check_resumed("cut", cut_at, *whole[:2])


def test_a_share_out_of_range_is_refused():
    with pytest.raises(RecipeError, match="average must be a number from 0 to below 1; got 1"):
        replace(QUICK, average=1)
