"""Grouped convolutions, squeeze-and-excitation, group norm and the pools of new stems, as ONNX files."""

import keras
import numpy as np
import pytest
from msgspec.structs import replace

from residual.engines import open_engine
from residual.engines.card import ModelCard
from residual.exporters import export_model
from residual.models import zoo
from residual.models.build import build_network

SMALL = {"blocks": (1, 2), "widths": (32, 64), "outputs": (64, 128), "strides": (1, 2), "stem_width": 32}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("resnet-rs50", {"groups": 4}),
        ("bit-resnet50x1", {}),
        ("timm-resnet50v2d", {"stem": "tiered"}),
    ],
)
def test_the_file_answers_as_the_network(name, changes, tmp_path):
    model = build_network(
        replace(zoo.find_spec(name), **SMALL, **changes), (36, 36, 3), 3, keras.layers.Rescaling(1 / 255)
    )
    card = ModelCard(
        name="small",
        network=name,
        classes=("a", "b", "c"),
        image_size=(36, 36),
        precision="fp32",
        exported_to="onnx",
    )
    export_model(model, card, "onnx", tmp_path / "small.onnx")
    photos = np.random.default_rng(0).integers(0, 256, (2, 36, 36, 3), dtype=np.uint8)
    answers = open_engine(tmp_path / "small.onnx").predict_all(photos)[0]
    assert answers.max() < 0.999  # what saturates shows no difference
    np.testing.assert_allclose(
        answers, np.asarray(model(photos.astype("float32"), training=False)), atol=1e-5
    )
