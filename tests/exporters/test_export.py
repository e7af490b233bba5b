"""Every format: written, opened by its own runtime, and equal to Keras."""

import zipfile

import keras
import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from msgspec.structs import replace

from residual.engines import open_engine
from residual.engines.card import card_path, hash_file, parse_card
from residual.errors import RunError
from residual.exporters import EXPORTERS, export_model
from residual.exporters.export import list_files
from residual.exporters.exported import write_export
from tests.exporters.networks import answer, build_small, draw_photos, make_card

IMAGES = draw_photos(33)


@pytest.fixture(scope="module")
def model() -> keras.Model:
    def body(x):
        x = keras.layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
        return keras.layers.ReLU()(keras.layers.BatchNormalization()(x))

    return build_small(body)


def check_card(path, format, precision="fp32"):
    beside = parse_card(card_path(path).read_bytes(), "the card")
    assert beside.file_sha256 == hash_file(path)
    assert (beside.exported_to, beside.precision) == (format, precision)
    assert "keras" in beside.versions
    return beside


def check_answers(path, model, tolerance=1e-5):
    engine = open_engine(path)
    expected = answer(model, IMAGES)
    for n in (1, 2, 33):
        np.testing.assert_allclose(engine.predict(IMAGES[:n]), expected[:n], atol=tolerance)
    return engine


def test_onnx(model, tmp_path):
    path = export_model(model, make_card(), "onnx", tmp_path / "small.onnx")
    engine = check_answers(path, model)
    assert replace(check_card(path, "onnx"), file_sha256="") == engine.card


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_openvino(model, tmp_path, precision):
    pytest.importorskip("openvino")
    path = export_model(model, make_card(), "openvino", tmp_path / "small.xml", precision)
    engine = check_answers(path, model, 1e-5 if precision == "fp32" else 0.05)
    assert replace(check_card(path, "openvino", precision), file_sha256="") == engine.card
    assert ("computing in" in engine.runtime) == (precision == "bf16")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["small.bin", "small.xml", "small.xml.json"]


@pytest.mark.slow
def test_litert(model, tmp_path, capfd):
    pytest.importorskip("ai_edge_litert")
    path = export_model(model, make_card(), "litert", tmp_path / "small.tflite")
    capfd.readouterr()
    engine = check_answers(path, model)
    assert "INFO" not in capfd.readouterr().err
    assert replace(check_card(path, "litert"), file_sha256="") == engine.card


@pytest.mark.slow
def test_savedmodel(model, tmp_path):
    tensorflow = pytest.importorskip("tensorflow")
    path = export_model(model, make_card(), "savedmodel", tmp_path / "small.savedmodel")
    loaded = tensorflow.saved_model.load(str(path))  # holds the variables of its functions
    served = loaded.serve(IMAGES)
    np.testing.assert_allclose(served, answer(model, IMAGES), atol=1e-5)
    check_card(path, "savedmodel")
    kept = tensorflow.train.list_variables(str(path / "variables" / "variables"))
    assert sum("VARIABLE_VALUE" in name for name, _ in kept) == len(model.weights)  # each is there once
    assert (
        parse_card((path / "assets.extra" / "residual.json").read_bytes(), "the card").classes[0] == "class 0"
    )


def test_keras(model, tmp_path):
    path = export_model(model, make_card(), "keras", tmp_path / "small.keras")
    np.testing.assert_allclose(
        answer(keras.saving.load_model(path), IMAGES), answer(model, IMAGES), atol=1e-5
    )
    check_card(path, "keras")
    with zipfile.ZipFile(path) as archive:
        assert b'"class 0"' in archive.read("residual.json")


@pytest.mark.parametrize(
    ("format", "name", "precision", "message"),
    [
        ("onx", "a.onnx", "fp32", f"format must be one of {', '.join(EXPORTERS)}; got 'onx'"),
        ("onnx", "a.xml", "fp32", "path must end in .onnx for onnx"),
        ("onnx", "a.onnx", "fp16", "precision must be .* for onnx; got 'fp16'"),
        ("onnx", "taken.onnx", "fp32", "exists already"),
    ],
)
def test_a_wrong_request_is_refused(model, tmp_path, format, name, precision, message):
    (tmp_path / "taken.onnx").write_text("somebody's")
    with pytest.raises(RunError, match=message):
        export_model(model, make_card(), format, tmp_path / name, precision)
    assert (tmp_path / "taken.onnx").read_text() == "somebody's"
    assert [file.name for file in tmp_path.iterdir()] == ["taken.onnx"]


@pytest.mark.parametrize(
    ("format", "taken"),
    [
        ("onnx", "a.onnx.json"),
        ("onnx", "a.predict.py"),
        ("onnx", "a.onnx.certificate.html"),
        ("openvino", "a.bin"),
        ("litert", "a.tflite.certificate.json"),
    ],
)
def test_nothing_that_lies_beside_an_export_is_replaced(model, tmp_path, format, taken, monkeypatch):
    monkeypatch.setattr("residual.exporters.export._NEEDED", {})  # as if every runtime were installed
    (tmp_path / taken).write_text("somebody's")
    card = replace(make_card(), name="a")
    with pytest.raises(RunError, match=rf"{taken} exists already\. Remove it, or choose another folder"):
        write_export(model, card, format, "fp32", tmp_path)
    assert (tmp_path / taken).read_text() == "somebody's"
    assert [file.name for file in tmp_path.iterdir()] == [taken]


def test_all_that_an_export_writes_is_looked_for_first(model, tmp_path):
    card = replace(make_card(), name="a")
    written = write_export(model, card, "onnx", "fp32", tmp_path)
    assert set(written.files) <= set(list_files(written.path, "onnx"))
    written.path.unlink()
    with pytest.raises(RunError, match=r"a\.onnx\.json, .*a\.predict\.js exist already\. Remove them"):
        write_export(model, card, "onnx", "fp32", tmp_path)
