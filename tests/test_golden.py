"""What scripts read: the keys and types of run.toml, of report.json and of every verb's --json."""

import json
import os
import tomllib

import keras
import pytest
from PIL import Image
from typer.testing import CliRunner

from residual.backend import choice
from residual.cli import app
from residual.runs.folder import RunFolder
from tests.support import learners, old_layouts
from tests.support.golden import FOLDER, check_golden, describe_shape
from tests.support.made import stripes
from tests.support.run_folders import right, written

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="run.toml names the versions of the backend"
)
OUTPUTS = (
    *("run_toml", "report_json", "train", "evaluate", "predict", "runs", "compare", "data", "audit"),
    *("summary", "list", "recipes", "recipe", "recipe_differences", "check", "convert"),
)


def read_json(*words: str, code: int = 0):
    """What `residual WORDS --json` prints."""
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with images, one of them damaged, a run `first` trained on them, and its --json."""
    folder = tmp_path_factory.mktemp("golden")
    images = stripes(60, 0)
    for i, (x, y) in enumerate(zip(images.x, images.y, strict=True)):
        place = folder / "photos" / ("red", "green", "blue")[y]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(x).save(place / f"{i}.png")
    (folder / "photos/red/0.png").write_bytes(b"")
    before = os.getcwd()
    os.chdir(folder)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(choice, "FASTER", (choice._ask_norms,))  # so that the record has answers
            patch.setattr(RunFolder, "wants_engine", True)
            words = ("--size", "16", "--model", "cifar-resnet8", "--epochs", "1", "--batch-size", "16")
            more = ("--precision", "float32", "--balance", "weights", "--name", "first")
            printed = read_json("train", "photos", *words, *more)
    finally:
        os.chdir(before)
    return folder, printed


@pytest.fixture
def project(trained, monkeypatch):
    monkeypatch.chdir(trained[0])
    return trained[0]


def test_files_of_a_run(project):
    check_golden("run_toml", tomllib.loads((project / "runs/first/run.toml").read_text()))
    check_golden("report_json", json.loads((project / "runs/first/report.json").read_text()))


def test_train(trained):
    check_golden("train", trained[1])


def test_evaluate(project):
    check_golden("evaluate", read_json("evaluate", "first"))


def test_predict(project):
    (project / "note.jpg").write_text("not an image")
    check_golden("predict", read_json("predict", "first", "note.jpg", "photos/red/3.png", code=1))


def test_runs_and_their_comparison():
    written("one", right=right(40, 1, 2), seed=0)
    written("two", right=right(40, 1, 5, 6, 7), seed=1, validation=(120, 144))
    check_golden("runs", read_json("runs"))
    check_golden("compare", read_json("runs", "compare", "one", "two"))


def test_data(project):
    check_golden("data", read_json("data", "photos"))


def test_audit(project):
    check_golden("audit", read_json("audit", "photos", code=1))


def test_networks_and_recipes():
    check_golden("summary", read_json("summary", "cifar-resnet8"))
    check_golden("list", read_json("list"))
    check_golden("recipes", read_json("recipes"))
    check_golden("recipe", read_json("recipes", "digits"))
    check_golden("recipe_differences", read_json("recipes", "digits", "signs"))


def test_check(tmp_path):
    wrong = learners.source("convolutional_block", convs="X_shortcut = Conv2D(F3, 1)(X_shortcut)")
    (tmp_path / "blocks.py").write_text(f"{learners.PRELUDE}\n{wrong}\n", "utf-8")
    check_golden("check", read_json("check", "blocks.py", code=1))


def test_convert(tmp_path):
    arrays = old_layouts.draw(old_layouts.SMALL)
    old_layouts.write(tmp_path / "old.h5", arrays, old_layouts.keras_1_config(), "1.2.2")
    check_golden("convert", read_json("convert", "old.h5"))


def test_every_golden_file_is_checked():
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(OUTPUTS)


def test_a_shape_has_each_key_once_with_its_types():
    rows = [{"n": 1, "x": None}, {"n": 0.5, "new": {}}]
    assert describe_shape({"rows": rows, "names": [], "sizes": [[1, 2]]}) == (
        "rows[].n: float | int\nrows[].x: null\nrows[].new: empty table\nnames: empty list\nsizes[][]: int\n"
    )


def test_a_new_a_missing_and_a_renamed_key_fail(monkeypatch, tmp_path):
    monkeypatch.setattr("tests.support.golden.FOLDER", tmp_path)
    monkeypatch.setenv("UPDATE_GOLDEN", "1")
    check_golden("report", {"n": 1, "accuracy": 0.5})
    monkeypatch.delenv("UPDATE_GOLDEN")
    check_golden("report", {"n": 2, "accuracy": 0.75})
    for changed in (
        {"n": 1},
        {"n": 1, "accuracy": 0.5, "x": 1},
        {"n": 1, "acc": 0.5},
        {"n": 1.0, "accuracy": 0.5},
    ):
        with pytest.raises(AssertionError, match="The keys or types of report changed"):
            check_golden("report", changed)
