"""residual embed: features with names and labels, nearest images, and what is refused."""

import json

import keras
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from residual.cli import app
from residual.models.keras_file import save_model
from tests.support.made import stripes


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A network that computes the mean of each colour as its features."""
    image = keras.Input((16, 16, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(image))
    path = tmp_path_factory.mktemp("weights") / "colours.keras"
    dense = keras.layers.Dense(2, activation="softmax")
    save_model(keras.Model(image, dense(x), name="colours"), path, {"classes": ["a", "b"]})
    return path


def embed(*words) -> tuple[int, str, str]:
    found = CliRunner().invoke(app, ["embed", *map(str, words)])
    return found.exit_code, found.stdout, found.stderr


def test_features_labels_and_nearest_images(weights, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    images = stripes(12, 0)
    for number, (pixels, label) in enumerate(zip(images.x, images.y, strict=True)):
        folder = tmp_path / "photos" / ("red", "green", "blue")[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    query = tmp_path / "query.png"
    Image.fromarray(stripes(3, 5).x[1]).save(query)
    code, out, _ = embed(
        weights, "photos", "--out", "features.npz", "--nearest", query, "--most", 3, "--json"
    )
    report = json.loads(out)
    assert (code, report["images"], report["features"], report["labels"]) == (
        0,
        12,
        3,
        ["blue", "green", "red"],
    )
    assert [one["label"] for one in report["nearest"][0]] == ["green"] * 3
    with np.load("features.npz") as file:
        assert sorted(file.files) == ["facts", "features", "labels", "names"]
        order = [int(name.rpartition("/")[2].removesuffix(".png")) for name in file["names"]]
        means = images.x[order].mean((1, 2)) / 255
        assert np.allclose(file["features"], means, atol=1e-5)
        assert json.loads(file["facts"].tobytes())["weights_sha256"] == report["weights_sha256"]
    before = (tmp_path / "features.npz").read_bytes()
    code, _, error = embed(weights, "photos", "--out", "features.npz")
    assert (code, "features.npz exists already" in error) == (2, True)
    assert (tmp_path / "features.npz").read_bytes() == before
    (tmp_path / "photos" / "red" / "broken.png").write_bytes(b"no image")
    code, out, error = embed(weights, "photos", "--out", "features.npz", "--overwrite")
    assert code == 1
    assert "broken.png" in error
    assert "3 features of each of 12 images in features.npz" in out


def test_mistakes_are_one_message(weights):
    for words, message in (
        ((weights, "nothing", "--out", "a.npz"), "There is no image nothing"),
        (("gone", ".", "--out", "a.npz"), "There is no run or model 'gone'"),
        (("gone.keras", ".", "--out", "a.npz"), "There is no file of weights gone.keras"),
        ((weights, ".", "--out", "a.csv"), "--out must end in .npz"),
        ((weights, "."), "Give --out, a .npz for the features, or --nearest"),
    ):
        code, _, error = embed(*words)
        assert (code, message in " ".join(error.split())) == (2, True), error
