"""Trained weights are opened as networks, whatever holds them."""

import keras
import numpy as np
import pytest

from residual.data.preprocessing import Preprocessing
from residual.errors import RunError
from residual.importers import open_pretrained
from residual.models.keras_file import save_model
from tests.support import old_layouts


def make_model(side: int = 8) -> keras.Model:
    image = keras.Input((side, side, 3))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, padding="same")(image))
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, keras.layers.Dense(2, activation="softmax")(x), name="tiny")


def test_a_keras_file_is_opened_with_what_is_known_about_it(tmp_path):
    known = Preprocessing(height=8, width=8, resize_to=9, source="a test")
    info = {"classes": ["a", "b"], "license": "mit", "origin": "here", "preprocessing": known.to_dict()}
    model = make_model()
    save_model(model, tmp_path / "tiny.keras", info)
    found = open_pretrained(tmp_path / "tiny.keras")
    assert (found.network, found.license, found.origin, found.classes) == ("tiny", "mit", "here", ("a", "b"))
    assert found.preprocessing == known
    x = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
    np.testing.assert_allclose(found.model(x), model(x), atol=1e-6)


def test_a_keras_file_is_opened_at_another_size(tmp_path):
    model = make_model(None)
    save_model(make_model(), tmp_path / "tiny.keras", {})
    found = open_pretrained(tmp_path / "tiny.keras", image_size=12)
    assert found.model.input_shape == (None, 12, 12, 3)
    model.set_weights(found.model.get_weights())
    x = np.random.default_rng(0).random((2, 12, 12, 3), np.float32)
    np.testing.assert_allclose(found.model(x), model(x), atol=1e-6)


def test_a_network_that_fits_one_size_is_refused_at_another(tmp_path):
    image = keras.Input((4, 4, 3))
    x = keras.layers.Reshape((48,))(image)
    save_model(keras.Model(image, keras.layers.Dense(2)(x)), tmp_path / "flat.keras", {})
    with pytest.raises(RunError, match="takes images of 4x4 pixels and cannot take `image_size` 8"):
        open_pretrained(tmp_path / "flat.keras", image_size=8)


def test_an_importable_file_is_opened(tmp_path):
    arrays, config = old_layouts.draw(old_layouts.SMALL), old_layouts.keras_1_config()
    old_layouts.write(tmp_path / "old.h5", arrays, config, "1.2.2")
    assert open_pretrained(tmp_path / "old.h5").arrays == 10


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(RunError, match="There is no model file"):
        open_pretrained(tmp_path / "none.keras")
    with pytest.raises(RunError, match="There is no model file"):
        open_pretrained(tmp_path / "none.h5")
