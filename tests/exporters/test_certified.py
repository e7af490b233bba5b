"""Exports that prove themselves, in float and in int8."""

import re

import keras
import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from msgspec.structs import replace

from residual._console import render_text
from residual.data.images import Dataset, Images
from residual.engines import open_engine
from residual.errors import ExportRefused, RunError
from residual.exporters import bench
from residual.exporters.bench_text import print_bench
from residual.exporters.calibration import choose_images
from residual.exporters.certified import export_certified
from tests.exporters.networks import answer, build_small, draw_photos, make_card

IMAGES = draw_photos(40)
CARD = make_card()


@pytest.fixture(scope="module")
def model() -> keras.Model:
    def body(x):
        x = keras.layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
        return keras.layers.Conv2D(8, 3, padding="same", activation="relu")(x)

    return build_small(body)


@pytest.fixture(scope="module")
def validation(model) -> Images:
    """Images labelled by the network: its accuracy is 1."""
    return Images(IMAGES, answer(model, IMAGES).argmax(1))


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_certificate_lies_beside_the_file(model, validation, tmp_path):
    found = export_certified(
        model, CARD, "onnx", tmp_path / "out" / "small.onnx", validation=validation, timed=False
    )
    assert found.accepted
    assert found.agreeing == 40
    assert names(tmp_path / "out") == [
        "small.onnx",
        "small.onnx.certificate.html",
        "small.onnx.certificate.json",
        "small.onnx.json",
    ]
    with pytest.raises(RunError, match="small.onnx.json, .* exist already"):
        export_certified(model, CARD, "onnx", tmp_path / "out" / "small.onnx", validation=validation)


@pytest.mark.parametrize("format", ["keras", pytest.param("savedmodel", marks=pytest.mark.slow)])
def test_formats_that_keras_runs_have_certificates_too(model, validation, tmp_path, format):
    path = tmp_path / f"small.{format}"
    found = export_certified(model, CARD, format, path, validation=validation, timed=False)
    assert (found.format, found.agreeing) == (format, 40)
    assert found.largest_difference < 1e-5
    assert found.runtime.startswith("Keras" if format == "keras" else "TensorFlow")
    assert found.file_bytes > 1000


def test_a_refused_file_leaves_nothing_and_replaces_nothing(model, validation, tmp_path):
    path = tmp_path / "small.onnx"
    path.write_text("the user's")
    others = np.roll(answer(model, IMAGES), 1, 1)
    with pytest.raises(
        ExportRefused, match=r"small.onnx is refused: .*Of all 40 validation images 0 get"
    ) as caught:
        export_certified(
            model, CARD, "onnx", path, validation=validation, network=others, overwrite=True, timed=False
        )
    assert caught.value.certificate.largest_difference > 0.01
    assert names(tmp_path) == ["small.onnx"]
    assert path.read_text() == "the user's"


def test_what_is_asked_is_checked_first(model, validation, tmp_path, monkeypatch):
    monkeypatch.setattr("residual.exporters.export._NEEDED", {})  # as if OpenVINO were installed
    path = tmp_path / "small.onnx"
    with pytest.raises(RunError, match="calibration must be training images for int8"):
        export_certified(model, CARD, "onnx", path, "int8", validation=validation)
    with pytest.raises(RunError, match="max_loss must be points of accuracy from 0 to 100; got -1"):
        export_certified(model, CARD, "onnx", path, validation=validation, max_loss=-1)
    with pytest.raises(RunError, match=r"path must end in \.xml"):
        export_certified(model, CARD, "openvino", path, validation=validation)


def test_onnx_in_int8_has_weights_of_seven_bits(model, validation, tmp_path):
    import onnx

    path = tmp_path / "small.onnx"
    found = export_certified(
        model, CARD, "onnx", path, "int8", validation=validation, calibration=IMAGES, max_loss=5, timed=False
    )
    assert (found.precision, found.calibration_images, found.float_layers) == ("int8", 40, ())
    assert 1e-5 < found.largest_difference < 0.05
    engine = open_engine(path)
    assert engine.card.precision == "int8"
    np.testing.assert_allclose(engine.predict(IMAGES).sum(1), 1, atol=1e-5)  # the softmax is float
    arrays = [onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer]
    weights = [array for array in arrays if array.dtype == np.int8 and array.ndim == 4]
    assert len(weights) == 2
    # Two products of 255 and such a weight fit into 16 bits, which is how processors without VNNI add them.
    assert max(int(np.abs(array.astype(int)).max()) for array in weights) <= 64


@pytest.mark.slow
def test_openvino_in_int8(model, validation, tmp_path):
    pytest.importorskip("openvino")
    pytest.importorskip("nncf")
    path = tmp_path / "small.xml"
    found = export_certified(
        model,
        CARD,
        "openvino",
        path,
        "int8",
        validation=validation,
        calibration=IMAGES,
        max_loss=5,
        timed=False,
    )
    assert found.executed_precision == "int8"
    assert open_engine(path).card.precision == "int8"
    assert names(tmp_path)[0] == "small.bin"


def build_sensitive() -> tuple[keras.Model, Images]:
    """A network with a tensor that is useless in int8, and images that it gets right.

    The convolution `wide` returns a channel that is ten thousand times as large as the others, and `narrow` takes its
    answer from the others. Two convolutions before them do no harm.
    """
    pixels = keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(1 / 255)(pixels)
    for name in ("first", "second"):
        x = keras.layers.Conv2D(3, 1, activation="relu", name=name)(x)
    x = keras.layers.Conv2D(4, 1, activation="relu", name="wide")(x)
    x = keras.layers.Conv2D(3, 1, name="narrow")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(pixels, keras.layers.Softmax()(x))
    wide = np.concatenate([np.eye(3), np.full((3, 1), 1e4)], 1)
    narrow = np.concatenate([20 * np.eye(3), np.zeros((1, 3))], 0)
    for name in ("first", "second"):
        model.get_layer(name).set_weights([np.eye(3).reshape(1, 1, 3, 3), np.zeros(3)])
    model.get_layer("wide").set_weights([wide.reshape(1, 1, 3, 4), np.zeros(4)])
    model.get_layer("narrow").set_weights([narrow.reshape(1, 1, 4, 3), np.zeros(3)])
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 100, (30, 8, 8, 3), np.uint8), np.arange(30) % 3
    images[np.arange(30), :, :, labels] += 60
    return model, Images(images, labels)


def test_layers_that_int8_spoils_go_back_to_float(tmp_path):
    model, images = build_sensitive()
    card = replace(make_card(3, 8), classes=("red", "green", "blue"))
    found = export_certified(
        model, card, "onnx", tmp_path / "a.onnx", "int8", validation=images, calibration=images.x, timed=False
    )
    assert found.network_accuracy.correct == found.file_accuracy.correct == 30
    assert len(found.float_layers) == 2
    assert {"wide", "narrow"} == {
        word for name in found.float_layers for word in re.findall("wide|narrow", name)
    }


@pytest.mark.slow
def test_nncf_puts_the_layer_back_too(tmp_path):
    pytest.importorskip("nncf")
    model, images = build_sensitive()
    card = replace(make_card(3, 8), classes=("red", "green", "blue"))
    found = export_certified(
        model,
        card,
        "openvino",
        tmp_path / "a.xml",
        "int8",
        validation=images,
        calibration=images.x,
        timed=False,
    )
    assert found.file_accuracy.correct == 30
    assert found.float_layers


def test_calibration_images_are_the_same_each_time(validation):
    first, second = choose_images(validation, 10), choose_images(validation, 10)
    assert first.shape == (10, *IMAGES.shape[1:])
    np.testing.assert_array_equal(first, second)
    assert len(choose_images(validation, 100)) == 40


def test_bench_has_a_row_for_each_format_and_leaves_nothing(model, validation, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("residual.exporters.speed._TURNS", 1)
    variants = [("onnx", "fp32"), ("onnx", "int8"), ("openvino", "bf16")]
    monkeypatch.setattr(bench, "list_variants", lambda: variants)
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)
    data = Dataset("small", validation, validation, CARD.classes, "made here", validation)
    found = bench.bench_exports(model, CARD, data, max_loss=5)
    assert [(row.format, row.precision) for row in found.rows] == variants
    assert [row.certificate is None for row in found.rows] == [False, False, True]
    assert "openvino needs" in found.rows[2].reason
    assert str(tmp_path) not in found.rows[2].reason
    assert found.rows[0].certificate.speed.batch_1_ms > 0
    assert found.to_dict()["rows"][1]["certificate"]["precision"] == "int8"
    assert not names(tmp_path)
    lines = render_text(lambda console: print_bench(found, console), width=80).splitlines()
    assert max(map(len, lines[:5])) <= 80
    assert lines[3].split()[:4] == ["openvino", "bf16", "-", "cannot"]


def test_bench_names_what_is_refused(model, validation, monkeypatch):
    monkeypatch.setattr(bench, "list_variants", lambda: [("onnx", "fp32")])
    monkeypatch.setattr(bench, "predict_probabilities", lambda model, x: np.roll(answer(model, x), 1, 1))
    data = Dataset("small", validation, validation, CARD.classes, "made here", validation)
    row = bench.bench_exports(model, CARD, data).rows[0]
    assert row.reason.startswith("refused: probabilities differ by up to 0.")
    assert row.certificate.speed is None
