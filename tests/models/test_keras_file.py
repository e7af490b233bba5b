"""The saved file opens in plain Keras, on every backend, with the same predictions."""

import importlib.util
import json
import os
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

from residual.errors import RunError
from residual.models import keras_file, zoo
from residual.models.build import build_network, raise_recursion_limit
from residual.models.keras_file import load_model, save_model
from residual.training.build import fit_normalization
from tests.support.made import stripes

PLAIN_KERAS = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "residual":
            raise ImportError("residual is not installed here")
sys.meta_path.insert(0, Blocked())
try:
    import residual
except ImportError:
    pass
else:
    raise SystemExit("residual could be imported")
import keras, numpy as np
x = np.load("x.npy")
for name in sys.argv[1:]:
    model = keras.models.load_model(name + ".keras")
    np.save(f"{name}-{keras.backend.backend()}.npy", np.asarray(model.predict(x, verbose=0)))
"""
NETWORKS = ("cifar-resnet8", "notebook-resnet11v2", "resnet18d", "course-resnet50", "cifar-resnet8-plain")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with a .keras file per network, trained statistics and all, and their predictions."""
    folder = tmp_path_factory.mktemp("saved")
    images = stripes(4, 0, size=32)
    np.save(folder / "x.npy", images.x)
    for name, kind in zip(NETWORKS, ("scale", "channel", "mean-image", "channel", "scale"), strict=True):
        model = build_network(zoo.find_spec(name), (32, 32, 3), 3, fit_normalization(kind, images))
        rng = np.random.default_rng(0)
        weights = [  # but for the pixels' normalization, whose values Keras has taken over already
            w if v.path.startswith("normalization") else w + rng.normal(0, 0.01, w.shape)
            for v, w in zip(model.weights, model.get_weights(), strict=True)
        ]
        model.set_weights(
            [np.abs(w) if "variance" in v.path else w for v, w in zip(model.weights, weights, strict=True)]
        )
        np.save(folder / f"{name}.npy", np.asarray(model.predict(images.x, verbose=0)))
        save_model(model, folder / f"{name}.keras", {"classes": ["a", "b", "c"]})
    return folder


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_plain_keras_without_residual_predicts_the_same(saved, backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"needs {backend}: pip install 'residual-learning[{backend}]'")
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": ""}
    command = [sys.executable, "-c", PLAIN_KERAS, *NETWORKS]
    done = subprocess.run(command, cwd=saved, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    for name in NETWORKS:
        expected = np.load(saved / f"{name}.npy")
        np.testing.assert_allclose(np.load(saved / f"{name}-{backend}.npy"), expected, atol=1e-5)


def test_info_travels_with_the_file(saved):
    model, info = load_model(saved / "cifar-resnet8.keras")
    assert info == {"classes": ["a", "b", "c"]}
    assert model.input_shape == (None, 32, 32, 3)
    assert not model.compiled


def test_a_file_of_plain_keras_has_no_info(tmp_path):
    model = build_network(zoo.find_spec("cifar-resnet8"), (8, 8, 3), 2)
    model.save("plain.keras")
    assert load_model("plain.keras")[1] == {}


def test_wrong_files_are_named(tmp_path, saved):
    with pytest.raises(RunError, match="There is no model file nothing.keras"):
        load_model("nothing.keras")
    (tmp_path / "text.keras").write_text("not a model")
    with pytest.raises(RunError, match="text.keras is not a .keras file"):
        load_model("text.keras")
    whole = (saved / "cifar-resnet8.keras").read_bytes()
    (tmp_path / "cut.keras").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RunError, match=r"cut.keras"):
        load_model("cut.keras")
    (tmp_path / "bent.keras").write_bytes(whole[:3000] + bytes(500) + whole[3500:])
    with pytest.raises(RunError, match=r"bent.keras cannot be loaded"):
        load_model("bent.keras")


def test_a_file_that_unpacks_to_far_more_than_it_stores_is_refused(tmp_path, monkeypatch):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    save_model(keras.Model(model.inputs, model.outputs), "m.keras", {})
    stored = (tmp_path / "m.keras").stat().st_size
    with zipfile.ZipFile("m.keras") as archive:
        declared = sum(member.file_size for member in archive.infolist())
        text = max(member.file_size for member in archive.infolist() if member.filename.endswith(".json"))
    monkeypatch.setattr(keras_file, "_FREE", declared)
    monkeypatch.setattr(keras_file, "_MOST_TIMES", 0)
    monkeypatch.setattr(keras_file, "_MOST_TEXT", text)
    load_model("m.keras")
    monkeypatch.setattr(keras_file, "_FREE", declared - 1)
    with pytest.raises(
        RunError, match=r"^m\.keras would unpack to .* and has .*; from .* on, 0 times its size"
    ):
        load_model("m.keras")
    monkeypatch.setattr(keras_file, "_MOST_TIMES", -(-declared // stored))
    load_model("m.keras")
    monkeypatch.setattr(keras_file, "_MOST_TEXT", text - 1)
    with pytest.raises(
        RunError, match=r"^m\.keras: .*\.json would unpack to .*, more than the configuration"
    ):
        load_model("m.keras")


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    model = build_network(zoo.find_spec("cifar-resnet8"), (8, 8, 3), 2)
    save_model(model, "m.keras", {"classes": ["a", "b"]})
    before = (tmp_path / "m.keras").read_bytes()
    monkeypatch.setattr(json, "dumps", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_model(model, "m.keras", {})
    assert (tmp_path / "m.keras").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["m.keras"]


def test_a_model_of_1500_layers_is_saved_and_loaded(tmp_path):
    pixels = x = keras.Input((4, 4, 3))
    for _ in range(1500):
        x = keras.layers.Activation("linear")(x)
    with raise_recursion_limit():
        model = keras.Model(pixels, x)
    save_model(model, "deep.keras", {})
    assert len(load_model("deep.keras")[0].layers) == 1501


@pytest.mark.slow
def test_a_network_of_1202_layers_is_built_saved_and_loaded(tmp_path):
    model = build_network(zoo.find_spec("cifar-resnet1202"), (32, 32, 3), 10)
    save_model(model, "deep.keras", {})
    loaded, _ = load_model("deep.keras")
    x = np.zeros((1, 32, 32, 3), "float32")
    np.testing.assert_allclose(np.asarray(model(x)), np.asarray(loaded(x)), atol=1e-6)
