"""Networks from elsewhere: their outputs may have no names and their pixels another range; known images are counted."""

import warnings

import keras
import numpy as np
import pytest
from PIL import Image

import residual
from residual.errors import DataError, ResidualWarning, RunError
from tests.support.made import COLOURS, QUICK, quiet, save_npz, striped, stripes, train_on


def write_folder(folder, images) -> None:
    """Each image as a PNG in the folder of its class."""
    for i, (image, label) in enumerate(zip(images.x, images.y, strict=True)):
        path = folder / COLOURS[label] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)


def save_brightest(path, *, sequential: bool = False) -> None:
    """A model of plain Keras that calls an image by its brightest colour, and takes pixels from 0 to 1."""
    layers = [
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3, kernel_initializer="identity", activation="softmax"),
    ]
    if sequential:
        keras.Sequential([keras.Input((16, 16, 3)), *layers]).save(path)
        return
    pixels = keras.Input((16, 16, 3))
    x = pixels
    for layer in layers:
        x = layer(x)
    keras.Model(pixels, x).save(path)


def test_images_that_a_run_was_trained_on_are_counted_in_other_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = striped()
    run = train_on(
        quiet(), save_npz(tmp_path / "s.npz", data), recipe=QUICK, precision="float32", name="first"
    )
    write_folder(tmp_path / "copy", data.train.take(range(30)).and_also(stripes(12, 7)))
    scores = residual.evaluate(run, tmp_path / "copy")
    assert (scores.n, scores.leaked, scores.without_leaked.n) == (42, 30, 12)
    write_folder(tmp_path / "new", stripes(12, 7))
    assert residual.evaluate("first", tmp_path / "new").leaked == 0
    run.folder.training_digests.unlink()  # as of version 0.1
    assert residual.evaluate("first", tmp_path / "copy").leaked is None


@pytest.mark.parametrize("sequential", [False, True])
def test_outputs_without_names_are_not_made_up(tmp_path, sequential):
    save_brightest(tmp_path / "plain.keras", sequential=sequential)
    write_folder(tmp_path / "photos", stripes(6, 1))
    photo = tmp_path / "photos" / "green" / "1.png"
    with pytest.warns(ResidualWarning, match="plain.keras does not say which pixels it takes"):
        (found,) = residual.predict(tmp_path / "plain.keras", photo)
    assert found.label == "output 1"
    with pytest.raises(
        DataError, match="does not name its outputs.* blue, green, red: give the names .* `classes`"
    ):
        residual.evaluate(tmp_path / "plain.keras", tmp_path / "photos", pixels="0-1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (found,) = residual.predict(tmp_path / "plain.keras", photo, classes=COLOURS, pixels="0-1")
        scores = residual.evaluate(
            tmp_path / "plain.keras", tmp_path / "photos", classes=COLOURS, pixels="0-1"
        )
    assert (found.label, scores.accuracy, scores.n) == ("green", 1.0, 6)
    assert 0.3 < found.probability < 0.6  # of pixels from 0 to 1; raw ones would give almost 1


def test_names_and_ranges_that_do_not_fit_are_refused(tmp_path):
    save_brightest(tmp_path / "plain.keras")
    write_folder(tmp_path / "photos", stripes(6, 1))
    with pytest.raises(RunError, match="classes must name each of the 3 outputs of .*; got 2 names"):
        residual.predict(tmp_path / "plain.keras", tmp_path / "photos", classes=["a", "b"])
    with pytest.raises(RunError, match="pixels must be one of 0-255, 0-1, -1-1; got '0-2'"):
        residual.predict(tmp_path / "plain.keras", tmp_path / "photos", pixels="0-2")


def test_a_network_that_scales_its_pixels_itself_needs_no_note(tmp_path):
    pixels = keras.Input((16, 16, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(pixels))
    keras.Model(pixels, keras.layers.Dense(3, activation="softmax")(x)).save(tmp_path / "scaled.keras")
    write_folder(tmp_path / "photos", stripes(3, 1))
    assert len(residual.predict(tmp_path / "scaled.keras", tmp_path / "photos")) == 3


def test_predict_takes_the_white_that_the_run_was_trained_with(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = striped()
    for split, images in (("train", data.train), ("test", data.test)):
        for i, (image, label) in enumerate(zip(images.x, images.y, strict=True)):
            grey = (image[..., label].astype(np.uint16) * (4 + 4 * label)).astype(np.uint16)
            path = tmp_path / "deep" / split / COLOURS[label] / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(grey).save(path)
    run = train_on(
        quiet(), f"{tmp_path / 'deep'}::white=4095", recipe=QUICK, precision="float32", image_size=16
    )
    seen = []
    predict = keras.Model.predict
    monkeypatch.setattr(
        keras.Model, "predict", lambda self, x, **more: (seen.append(x), predict(self, x, **more))[1]
    )
    run.predict(tmp_path / "deep" / "test" / "blue" / "2.png")
    assert seen[0].max() > 150  # 255 * 12 of 4,095; of 65,535 it would be 12
