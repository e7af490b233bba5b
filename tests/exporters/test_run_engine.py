"""The engine that a run keeps, and what `residual export` writes: the same answers without Keras and `residual`."""

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import residual
from residual._open import find_engine
from residual._verbs.end_of_run import list_missing
from residual.cli import main
from residual.data.image_file import read_image
from residual.errors import ResidualWarning, RunError
from residual.evaluation.engine_network import EngineNetwork
from residual.exporters import run_engine
from residual.runs.folder import RunFolder
from residual.training.options import TrainOptions
from tests.support.made import QUICK, quiet, save_npz, striped, stripes, train_on

SIDE = 16


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    """The folder of a run with an engine."""
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(RunFolder, "wants_engine", True)
        train_on(
            quiet(), save_npz(folder / "s.npz", striped()), recipe=QUICK, precision="float32", name="first"
        )
    return folder / "runs" / "first"


@pytest.fixture
def copied(kept, tmp_path) -> Path:
    """A copy of that run, to be changed."""
    return Path(shutil.copytree(kept, tmp_path / "first"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> list[Path]:
    """Files that are easily decoded otherwise: turned by EXIF, transparent, 16-bit grey, large, palette, CMYK."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    small = random.integers(0, 256, (5, 7, 3), np.uint8)
    large = Image.fromarray(small).resize((301, 203), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = 6
    large.save(folder / "turned.jpg", exif=exif)
    large.resize((640, 900)).save(folder / "large.jpg", quality=80)
    large.convert("CMYK").save(folder / "cmyk.jpg")
    large.quantize(16).save(folder / "palette.png")
    large.crop((0, 0, 9, 11)).save(folder / "tiny.png")
    clear = large.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    clear.save(folder / "clear.png")
    Image.fromarray(np.asarray(large.convert("L"), np.uint16) * 200).save(folder / "deep.png")
    return sorted(folder.iterdir())


def answer_in_keras(run: Path, images: list[Path]) -> np.ndarray:
    opened = residual.open_run(run)
    assert opened.model is not None  # in memory, so that it answers itself
    return to_rows(opened.predict(images))


def to_rows(predictions) -> np.ndarray:
    return np.array([list(prediction.probabilities.values()) for prediction in predictions])


def run_alone(script: str, *arguments: object, hidden: tuple[str, ...]) -> str:
    """What a script prints in a process in which some packages cannot be imported."""
    hide = f"import sys; sys.modules.update(dict.fromkeys({hidden!r}))\n"
    source = str(Path(residual.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", hide + script, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_run_keeps_an_engine_that_answers_as_its_network(kept):
    report = json.loads((kept / "report.json").read_text())
    assert report["engine"]["agreement"] == 1.0
    assert report["engine"]["largest_difference"] < 1e-4
    assert report["engine"]["n"] == report["validation"]["n"]
    assert find_engine(kept).model.engine.card.weights_sha256 == report["weights_sha256"]


def test_predictions_need_no_keras(kept, photos):
    script = (
        "import json, residual\n"
        "found = residual.predict(sys.argv[1], sys.argv[2:])\n"
        "print(json.dumps([(list(one.probabilities.values()), one.verdict.distance) for one in found]))"
    )
    hidden = ("keras", "tensorflow", "jax", "torch")
    found = json.loads(run_alone(script, kept, *photos, hidden=hidden).splitlines()[-1])
    np.testing.assert_allclose([row for row, _ in found], answer_in_keras(kept, photos), atol=1e-5)
    opened = residual.open_run(kept)
    assert opened.model is not None
    distances = [prediction.verdict.distance for prediction in opened.predict(photos)]
    np.testing.assert_allclose([distance for _, distance in found], distances, rtol=1e-3)


def test_keras_answers_if_a_graphics_card_is_asked_for(kept):
    assert find_engine(kept, device="gpu") is None
    assert find_engine(kept, device="cpu") is not None


@pytest.mark.parametrize("name", ["engine.onnx", "model.keras"])
def test_a_file_that_was_changed_is_not_trusted(copied, name):
    with (copied / name).open("ab") as file:
        file.write(b"more")
    with pytest.warns(
        ResidualWarning, match=rf"{name} was changed after the training. The network itself answers"
    ):
        assert find_engine(copied) is None


def test_the_engine_of_another_network_is_not_trusted(copied):
    report = json.loads((copied / "report.json").read_text())
    (copied / "report.json").write_text(json.dumps({**report, "weights_sha256": "of another"}))
    with pytest.warns(ResidualWarning, match="is that of another network"):
        assert find_engine(copied) is None


def test_resume_writes_the_engine_that_a_finished_run_lacks(copied, monkeypatch):
    run = residual.open_run(copied)
    for path in copied.glob("engine*"):
        path.unlink()
    monkeypatch.setattr(RunFolder, "wants_engine", True)
    assert "engine.onnx" in list_missing(run.folder)
    residual.resume(copied, progress=False)
    assert find_engine(copied) is not None
    run.folder.add_to_report(engine={"note": "it cannot be written"})
    run.folder.engine.unlink()
    assert "engine.onnx" not in list_missing(run.folder)


def test_an_engine_that_differs_is_not_kept(copied, monkeypatch):
    run = residual.open_run(copied)
    monkeypatch.setattr(
        EngineNetwork, "predict", lambda self, x, **_: [np.eye(3, dtype=np.float32)[[0] * len(x)]]
    )
    with warnings.catch_warnings(record=True) as caught:  # TensorFlow warns of NumPy's things too
        warnings.simplefilter("always")
        assert not run_engine.keep_engine(run.model, stripes(6, 1), run.folder)
    said = [str(one.message) for one in caught if issubclass(one.category, ResidualWarning)]
    assert len(said) == 1
    assert said[0].startswith("No engine is kept")
    assert "differs from the network by up to" in said[0]
    assert not list(copied.glob("engine*"))


def test_a_network_that_cannot_be_exported_is_only_a_warning(copied):
    pixels = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2DTranspose(4, 3)(pixels))
    model = keras.Model(pixels, keras.layers.Dense(3, activation="softmax")(x))
    with pytest.warns(ResidualWarning, match=r"No engine is kept.*Conv2DTranspose"):
        assert not run_engine.keep_engine(model, stripes(6, 1), residual.open_run(copied).folder)


def test_what_is_not_wanted_is_in_the_record():
    assert (
        TrainOptions(engine=False, report=False).to_table().items()
        >= {"engine": False, "report": False}.items()
    )
    assert not {"engine", "report"} & set(TrainOptions().to_table())


def test_an_export_is_used_without_residual_and_keras(kept, photos, tmp_path):
    exported = residual.export(kept, out=tmp_path)
    assert sorted(file.name for file in exported.files) == sorted(file.name for file in tmp_path.iterdir())
    assert exported.certificate.agreement == 1.0
    script = (
        "import json, runpy\n"
        "predict = runpy.run_path(sys.argv[1])['predict']\n"
        "print(json.dumps([list(predict(path).values()) for path in sys.argv[2:]]))"
    )
    hidden = ("residual", "keras", "tensorflow", "jax", "torch", "onnx")
    found = json.loads(run_alone(script, tmp_path / "first.predict.py", *photos, hidden=hidden))
    np.testing.assert_allclose(found, answer_in_keras(kept, photos), atol=1e-5)
    np.testing.assert_allclose(to_rows(residual.predict(exported.path, photos)), found, atol=1e-6)
    with pytest.raises(RunError, match=r"first\.onnx, first\.onnx\.json, .* exist already"):
        residual.open_run(kept).export(out=tmp_path)


def test_the_browser_scales_as_training_does(kept, tmp_path):
    """Within two grey levels: Pillow rounds between the axes, and so does the program, but not in the same way."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    residual.export(kept, out=tmp_path, certify=False)
    program = tmp_path / "first.predict.mjs"
    shutil.copy(tmp_path / "first.predict.js", program)
    for width, height in ((41, 29), (15, 50), (16, 16)):
        pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        (tmp_path / "pixels").write_bytes(pixels.tobytes())
        script = (
            f"const {{prepare}} = await import({str(program)!r}); const fs = await import('fs');"
            f"const pixels = fs.readFileSync({str(tmp_path / 'pixels')!r});"
            f"console.log(JSON.stringify([...prepare(pixels, {width}, {height})]))"
        )
        done = subprocess.run(
            [node, "--input-type=module", "-e", script], capture_output=True, text=True, check=True
        )
        Image.fromarray(pixels).save(tmp_path / "pixels.png")
        expected = read_image(tmp_path / "pixels.png", (SIDE, SIDE)).astype(int)
        found = np.array(json.loads(done.stdout)).reshape(SIDE, SIDE, 3)
        assert np.abs(found - expected).max() <= 2


def test_the_command_exports_and_predicts(kept, photos, tmp_path, capsys, monkeypatch):
    def call(*words: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["residual", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out + printed.err

    code, text = call("export", kept, "--out", tmp_path, "--no-certify", "--json")
    assert code == 0
    assert json.loads(text)["path"] == str(tmp_path / "first.onnx")
    code, text = call("predict", tmp_path / "first.onnx", photos[0], "--json")
    assert code == 0
    assert set(json.loads(text)[0]["probabilities"]) == {"red", "green", "blue"}
    for words, message in (
        (
            ("export", kept, "--out", tmp_path),
            "first.predict.js exist already. Remove them, or choose another folder (`--out`)",
        ),
        (
            ("export", kept, "--out", photos[0] / "x"),
            "--out must be a folder that can be written to;",
        ),
        (("export", kept, "--to", "onx"), "--to must be one of onnx, openvino"),
        (("export", kept, "--precision", "fp16"), "--precision must be one of fp32, bf16, int8"),
        (
            ("export", kept, "--to", "keras", "--precision", "int8"),
            "--precision must be fp32 for keras; got 'int8'",
        ),
        (
            ("predict", tmp_path / "first.onnx", photos[0], "--classes", "a,b,c"),
            "knows its classes and pixels",
        ),
        (("predict", tmp_path / "absent.onnx", photos[0]), "There is no exported model"),
    ):
        code, text = call(*words)
        assert code == 2
        assert message.replace("`", "") in " ".join(text.split()).replace("(--out)", "(--out)")
