"""Batch norms of any Keras model: distances, frozen and forced layers, and a model that stays as it is."""

import keras
import numpy as np
import pytest

from residual.diagnosis.norms import examine_norms, predict_in_training_mode, with_statistics
from residual.errors import RunError
from residual.training.batch_norm import moving_statistics
from tests.support.made import stripes
from tests.support.patients import colour_network

IMAGES = stripes(96, 0)


def test_distances_are_in_deviations_and_factors_of_the_data():
    model = colour_network()
    norm = model.get_layer("norm")
    deviation = IMAGES.x.astype(np.float64).std((0, 1, 2))
    norm.moving_mean.assign(norm.moving_mean + 2 * deviation)
    norm.moving_variance.assign(norm.moving_variance * 9)
    before = model.get_weights()
    report = examine_norms(model, IMAGES.x, 16)
    (state,) = report.states
    assert state.mean_apart == pytest.approx(2, rel=1e-3)
    assert state.spread_apart == pytest.approx(3, rel=1e-3)
    assert state.stale
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    with with_statistics(model, report.recomputed):
        assert model.predict_on_batch(IMAGES.x.astype("float32")).argmax(1).tolist() == IMAGES.y.tolist()
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_frozen_and_forced_layers_are_named_and_models_inside_are_opened():
    pixels = keras.Input((16, 16, 3))
    x = keras.layers.BatchNormalization(name="forced")(pixels, training=True)
    inner = keras.Sequential(
        [keras.Input((16, 16, 3)), keras.layers.BatchNormalization(name="frozen", trainable=False)]
    )
    x = keras.layers.BatchNormalization(name="plain")(inner(x))
    model = keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(x))
    states = {one.name: one for one in examine_norms(model, IMAGES.x, 16).states}
    assert {name: one.words for name, one in states.items()} == {
        "forced": "stale, forced training",
        "frozen": "stale, frozen",
        "plain": "",  # the forced one gives it what it expects
    }


def test_training_mode_gives_what_the_batch_says_and_changes_nothing():
    model = colour_network((999.0, 0.0, 0.0))
    before = moving_statistics(model)
    rows = predict_in_training_mode(model, IMAGES.x, 64)
    assert (rows.argmax(1) == IMAGES.y).all()
    assert all(np.array_equal(a, b) for a, b in zip(before, moving_statistics(model), strict=True))


def test_a_model_without_batch_norm_is_refused():
    pixels = keras.Input((16, 16, 3))
    model = keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(pixels), name="bare")
    with pytest.raises(RunError, match="bare has no batch norm"):
        examine_norms(model, IMAGES.x)
