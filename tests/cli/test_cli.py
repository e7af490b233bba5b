"""The command as a user types it: output, JSON, exit codes, and no tracebacks."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from residual import open_run
from residual._run import Run
from residual.cli import app
from residual.evaluation.predictions import Prediction, PredictionList
from residual.training.callbacks.epoch_log import EpochLog
from tests.support.made import stripes

VERBS = (
    *(
        "train",
        "evaluate",
        "predict",
        "runs",
        "runs compare",
        "data",
        "audit",
        "summary",
        "list",
        "recipes",
        "study",
        "plan",
    ),
    *("check", "convert", "bench", "export"),
)


def residual(*words: str):
    """Run the command in this process; (exit code, standard output, standard error)."""
    result = CliRunner().invoke(app, list(words))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with class folders of images, and a run `first` trained on them through the command."""
    folder = tmp_path_factory.mktemp("project")
    images = stripes(60, 0)
    for i, (x, y) in enumerate(zip(images.x, images.y, strict=True)):
        place = folder / "photos" / ("red", "green", "blue")[y]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(x).save(place / f"{i}.png")
    before = os.getcwd()
    os.chdir(folder)
    try:
        words = ("photos", "--size", "16", "--model", "cifar-resnet8", "--epochs", "6", "--batch-size", "8")
        code, out, _ = residual("train", *words, "--name", "first")
    finally:
        os.chdir(before)
    assert code == 0
    return folder, out


@pytest.fixture
def project(trained, monkeypatch):
    monkeypatch.chdir(trained[0])
    return trained[0]


def test_train_says_what_it_did_and_what_comes_next(trained):
    _, out = trained
    assert "60 images from" in out
    assert "set aside as the test set" in out
    assert "epoch 6/6" in out
    assert "of 6 images, with the weights of epoch" in out
    assert "\nkept     epoch " in out
    assert "of 9; 95% interval" in out
    assert "runs/first" in out
    assert "residual predict first IMAGE..." in out
    assert "\x1b" not in out, "no colour codes where the output is not a terminal"


def test_evaluate_and_its_json(project):
    code, out, _ = residual("evaluate", "first")
    assert code == 0
    assert "95% interval" in out
    assert (project / "runs/first/confusion.png").is_file()
    code, out, _ = residual("evaluate", "first", "--json")
    report = json.loads(out)
    assert (report["n"], len(report["confusion"])) == (9, 3)
    assert report == report | json.loads((project / "runs/first/report.json").read_text())["test"]


def test_several_views_are_scored_and_kept(project):
    shutil.copytree(project / "runs/first", project / "runs/views")
    code, out, _ = residual("evaluate", "views", "--views", "shift")
    assert code == 0
    assert "with 6 views an image (6 times as long): accuracy" in out
    assert residual("evaluate", "views")[0] == 0
    kept = json.loads((project / "runs/views/report.json").read_text())["test"]["with_views"]
    assert (kept["views"], kept["count"], kept["n"]) == ("shift", 6, 9)
    for run, is_said in (("views", True), ("first", False)):
        assert residual("report", run, "--out", f"{run}.html")[0] == 0
        assert ("The mean over 6 views of each image" in Path(f"{run}.html").read_text("utf-8")) == is_said


def test_evaluate_a_model_file_on_a_folder(project):
    """A file in its run's folder knows its own test images; elsewhere a folder is used whole."""
    shutil.copy("runs/first/model.keras", "elsewhere.keras")
    for file, n in (("runs/first/model.keras", 9), ("elsewhere.keras", 60)):
        code, out, _ = residual("evaluate", file, "--data", "photos", "--json", "--png", "c.png")
        assert code == 0
        assert json.loads(out)["n"] == n
    assert (project / "c.png").is_file()


def test_doctor_examines_every_symptom(project):
    from residual.diagnosis.symptoms import SYMPTOMS

    code, out, _ = residual("doctor", "first", "--json")
    found = json.loads(out)
    assert code == 0
    measured = {check["symptom"] for check in found["checks"]}
    assert measured | set(found["skipped"]) == {symptom.NAME for symptom in SYMPTOMS}
    assert {"stale-batch-norm", "overfitting"} <= measured
    assert residual("doctor", "absent")[0] == 2


def test_report_shows_the_images_of_the_mistakes(project):
    """A page that stands alone: images, heat maps and file names are in it."""
    code, out, _ = residual("report", "first", "--out", "page.html", "--json")
    facts = json.loads(out)
    text = Path("page.html").read_text("utf-8")
    assert code == 0
    assert facts["has_images"]
    assert facts["test_images"] == json.loads(Path("runs/first/report.json").read_text())["test"]["n"]
    assert text.count("data:image") > facts["test_images"] / 2
    assert re.search(r"(red|green|blue)/\d+\.png", text)
    assert re.search(r"<pre[^>]*>residual train \S*photos --recipe ", text)
    names = [
        row.split(",")[0] for row in Path("runs/first/test_predictions.csv").read_text().split("\n")[1:-1]
    ]
    assert all(re.fullmatch(r"(red|green|blue)/\d+\.png", name) for name in names)
    assert residual("report", "absent")[0] == 2


def test_predict_files_folders_patterns(project):
    code, out, _ = residual(
        "predict", "first", "photos/red", "photos/blue/*.png", "photos/green/1.png", "--json"
    )
    rows = json.loads(out)
    assert code == 0
    assert len(rows) == 41
    facts = {
        "image",
        "label",
        "probability",
        "probabilities",
        "verdict",
        "reason",
        "distance",
        "folder_label",
    }
    assert set(rows[0]) == facts
    code, out, _ = residual("predict", "first", "photos/red/0.png")
    assert out.startswith("photos/red/0.png  ")
    assert "%" in out
    assert "accuracy" not in out, "one folder is one class"


def test_predict_counts_what_the_folders_are_named(project):
    code, out, _ = residual("predict", "first", "photos", "--csv", "all.csv", "--top", "2")
    with open("all.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    right = sum(row["label"] == row["folder_label"] for row in rows)
    assert code == 0
    assert f"accuracy {right / 60:.1%} by the names of the folders ({right} of 60; 95% interval" in out
    assert out.count("  in the folder ") == 60 - right
    assert list(rows[0]) == [
        *("image", "label", "probability", "label_2", "probability_2", "folder_label"),
        *("verdict", "reason", "distance", "error"),
    ]
    assert all(float(row["probability"]) >= float(row["probability_2"]) for row in rows)


def test_predict_top_counts_labels(project):
    for top, labels in (("1", 1), ("3", 3), ("9", 3)):
        (row,) = json.loads(residual("predict", "first", "photos/red/0.png", "--top", top, "--json")[1])
        assert len(row["probabilities"]) == labels
        assert next(iter(row["probabilities"])) == row["label"]
    assert "(then" not in residual("predict", "first", "photos/red/0.png", "--top", "1")[1]


def test_results_are_shown_before_a_file_that_cannot_be_written(project, monkeypatch):
    """Hours of reading images are not lost because the disk is full."""
    replace = os.replace

    def refuse(source, target):
        if str(target).endswith(("out.png", "out.svg", "out.csv", "out.html")):
            raise OSError(28, "No space left on device", str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    for words, shown in (
        (("evaluate", "first", "--png", "out.png"), "95% interval"),
        (("predict", "first", "photos/red", "--csv", "out.csv"), "photos/red/0.png"),
        (("summary", "cifar-resnet8", "--plot", "out.svg"), "depth 8"),
        (("audit", "photos", "--html", "out.html"), "images"),
    ):
        code, out, err = residual(*words)
        assert (code, err) == (2, f"residual: {words[-1]}: No space left on device.\n"), words
        assert shown in out
        assert "drawn in" not in out


def test_a_matrix_that_could_not_be_drawn_is_not_announced(project, monkeypatch):
    replace = os.replace
    residual("evaluate", "first")
    os.utime("runs/first/confusion.png", (1, 1))

    def refuse(source, target):
        if str(target).endswith("report.json"):
            raise OSError(28, "No space left on device", str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    code, out, err = residual("evaluate", "first")
    assert code == 0
    assert "95% interval" in out
    assert "runs/first/report.json cannot be written: No space left on device. The scores are not kept" in err
    assert "drawn in" not in out


def test_long_names_stay_whole_in_a_pipe(project):
    name = f"photos/red/{'long-' * 20}name.png"
    shutil.copy("photos/red/0.png", name)
    try:
        assert residual("predict", "first", name)[1].startswith(f"{name}  ")
    finally:
        os.remove(name)


def test_quiet_prints_the_outcome_alone(project):
    words = ("photos", "--size", "16", "--model", "cifar-resnet8", "--epochs", "1", "--name", "quiet")
    code, out, err = residual("train", *words, "--quiet", "--precision", "float32")
    assert (code, err) == (0, "")
    assert out.split()[0] == "validation"
    assert "epoch 1/1" not in out


def test_ctrl_c_does_not_read_the_test_images(project, monkeypatch):
    """However often a training is stopped and resumed, they are read once."""

    def interrupt(self, batch, logs=None):
        if self.steps == 4:
            signal.raise_signal(signal.SIGINT)

    read = []
    evaluate = Run.evaluate
    monkeypatch.setattr(Run, "evaluate", lambda self: read.append(self.path.name) or evaluate(self))
    words = ("photos", "--size", "16", "--model", "cifar-resnet8", "--epochs", "2", "--batch-size", "8")
    with monkeypatch.context() as patch:
        patch.setattr(EpochLog, "on_train_batch_begin", interrupt)
        code, out, _ = residual("train", *words, "--name", "stopped", "--precision", "float32")
    assert (code, read) == (0, [])
    assert "test       not evaluated: the test images are read when it has finished" in out
    assert "next       residual train --resume stopped\n" in out
    code, out, _ = residual("train", "--resume", "stopped")
    assert (code, read) == (0, ["stopped"])
    assert "95% interval" in out


def test_values_of_the_recipe_are_set(project):
    words = ("photos", "--size", "16", "--model", "cifar-resnet8", "--name", "set", "--precision", "float32")
    changes = ("--set", "schedule.peak=0.004", "--set", "epochs=1", "--set", "augment=[]")
    assert residual("train", *words, *changes)[0] == 0
    recipe = tomllib.loads((project / "runs/set/run.toml").read_text("utf-8"))["recipe"]
    assert (recipe["name"], recipe["epochs"], recipe["augment"]) == ("images", 1, [])
    assert recipe["schedule"]["peak"] == 0.004
    assert recipe["optimizer"] == "adamw"


def test_predict_names_what_it_cannot_read_and_does_the_rest(project):
    (project / "note.jpg").write_text("not an image")
    code, out, _ = residual("predict", "first", "note.jpg", "photos/red/0.png")
    assert code == 1
    lines = out.splitlines()
    assert "note.jpg is not an image that can be read (its content is no known image format)" in lines[0]
    assert "then" in lines[1]
    assert lines[2] == "1 of 2 was skipped; the lines above say why"


def test_predict_names_what_stands_for_no_image_and_does_the_rest(project):
    words = ("predict", "first", "*.webp", "photos/red/0.png", "gone.png")
    code, out, err = residual(*words)
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert lines[0] == "No image matches '*.webp'."
    assert lines[1].startswith("photos/red/0.png  ")
    assert lines[2:] == ["There is no image gone.png.", "2 of 3 were skipped; the lines above say why"]
    code, out, _ = residual(*words, "--json")
    rows = json.loads(out)
    assert code == 1
    assert rows[0] == {"image": "*.webp", "error": "No image matches '*.webp'."}
    assert [row["image"] for row in rows[1:]] == ["photos/red/0.png", "gone.png"]


def test_predict_counts_an_image_once_however_often_it_is_named(project):
    words = ("photos/red/0.png", "./photos/red/0.png", "photos/red", "photos/red/*.png")
    rows = json.loads(residual("predict", "first", *words, "--json")[1])
    assert len(rows) == len({row["image"] for row in rows}) == 20
    assert rows[0]["image"] == "photos/red/0.png"


def test_predictions_show_themselves_in_python(project):
    found = open_run("first").predict(["photos/red", "gone.png", "photos/blue/2.png"])
    assert len(found) == 22
    assert isinstance(found[0], Prediction)
    assert found[20].error == "There is no image gone.png."
    assert repr(found[20]) == "Prediction('gone.png': skipped)"
    assert repr(found).startswith(f"PredictionList of 22: Prediction('{found[0].image}': ")
    assert len(repr(found)) < 200
    assert str(found).splitlines()[0].startswith(f"{found[0].image} ")
    assert "accuracy" in str(found).splitlines()[-1]
    assert f">{found[0].image}  " in found._repr_html_()
    page = PredictionList(found * 3)._repr_html_()
    assert "... and 16 more images; print(...) shows all" in page
    assert "of 63; 95% interval" in page, "the accuracy is that of all images"


def test_train_json_keeps_standard_output_clean(project):
    words = ("photos", "--size", "16", "--model", "cifar-resnet8", "--epochs", "1", "--json")
    code, out, err = residual("train", *words)
    report = json.loads(out)
    assert code == 0
    assert report["run"] == "runs/photos-cifar-resnet8-1"
    assert report["test"]["n"] == 9
    assert "epoch 1/1" in err


def test_damaged_files_are_skipped_and_listed(project):
    shutil.copytree("photos", "some-damaged")
    (project / "some-damaged/red/0.png").write_bytes(b"")
    words = ("some-damaged", "--size", "16", "--model", "cifar-resnet8", "--epochs", "1", "--name", "skips")
    code, out, err = residual("train", *words)
    assert code == 0, err
    assert "skipped    1 image file that cannot be read, listed in report.json" in out
    (said,) = json.loads((project / "runs/skips/report.json").read_text())["unreadable"]
    assert said.startswith("some-damaged/red/0.png is not an image that can be read")
    assert residual("evaluate", "skips")[0] == 0
    code, _, err = residual("train", *words[:-1], "none", "--unreadable", "0.01")
    assert code == 2
    assert "1 of 60 image files cannot be read, more than 1%. The first: some-damaged/red/0.png is not" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("train", "nowhere"),
            "There is no data called 'nowhere': it is neither a file or folder nor one of digits",
        ),
        (("train", "bad.h5"), "bad.h5 cannot be opened: not an HDF5 file, or damaged"),
        (("train", "digits", "--model", "resnext50"), "There is no network called 'resnext50'. Did you mean"),
        (
            ("train", "digits", "--model", "cifar-resnet21"),
            "depth must be 6n+2, got 21. Try cifar-resnet20 or",
        ),
        (("train", "digits", "--model", "resnet50"), "the smallest is 32x32"),
        (
            ("train", "digits", "--size", "8", "--model", "resnet50"),
            "Images of 8x8 pixels are too small for resnet50",
        ),
        (("train", "digits", "--recipe", "sings"), "Did you mean signs?"),
        (
            ("train", "digits", "--validation", "0"),
            "--validation must be a share above 0 and below 1; got 0.0",
        ),
        (("train", "photos", "--name", "first", "--size", "32"), "runs/first exists already"),
        (("evaluate", "secnd"), "There is no run or model 'secnd'. Runs here: first"),
        (("evaluate", "copy.keras"), "--data must say on which images to evaluate copy.keras: signs"),
        (("train", "--data", "photos"), "To use the images in photos, name it as the data itself"),
        (("predict", "first", "photos/*.gif"), "No image matches 'photos/*.gif'."),
        (("evaluate", "first", "--png", "a.jpg"), "--png must end in .png; got a.jpg."),
        (("predict", "first", "gone.png"), "There is no image gone.png."),
        (("predict", "first", "*.webp"), "No image matches '*.webp'."),
        (("predict", "first", "note/"), "There is no image note."),
        (("summary", "cifar-resnet21"), "depth must be 6n+2, got 21"),
        (("summary", "resnet50", "--input", "8"), "Images of 8x8 pixels are too small for resnet50"),
        (("recipes", "nothing"), "RECIPE must be one of default, notebook, digits"),
        (
            ("predict", "first", "gone.png", "*.webp"),
            "There is no image gone.png. No image matches '*.webp'.",
        ),
        (("recipes", "a", "b", "c"), "takes at most two names; got 3"),
    ],
)
def test_mistakes_are_one_message_and_exit_code_2(project, words, message):
    (project / "bad.h5").write_text("not HDF5")
    (project / "copy.keras").touch()
    code, out, err = residual(*words)
    assert code == 2
    assert message in err
    assert err.startswith("residual: ")
    assert err.count("\n") == 1
    assert "Traceback" not in out + err


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb):
    code, out, _ = residual(*verb.split(), "--help")
    assert code == 0
    assert f"Example: residual {verb}" in out


def test_list_and_recipes():
    families = json.loads(residual("list", "--json")[1])["families"]
    assert "6n+2" in [family["depths"] for family in families if family["name"] == "cifar-resnet{depth}"]
    assert "6n+2" in residual("list")[1]
    names = [recipe["name"] for recipe in json.loads(residual("recipes", "--json")[1])]
    assert {"signs", "notebook-a", "notebook-e"} <= set(names)
    out = residual("recipes", "notebook-a", "notebook-d")[1]
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["epochs", "schedule"]
    out = residual("recipes", "signs", "notebook-a")[1]
    assert not set("(){}'") & set(out), "lists and tables in words"


def test_a_recipe_printed_is_a_recipe_that_trains(project):
    text = residual("recipes", "digits")[1]
    (project / "mine.toml").write_text(text.replace('name = "digits"', 'name = "mine"'))
    words = ("--recipe", "mine.toml", "--size", "16", "--epochs", "1", "--name", "mine", "--json")
    code, _, err = residual("train", "photos", *words)
    assert code == 0, err
    assert 'name = "mine"' in (project / "runs/mine/run.toml").read_text()


def test_summary(project):
    code, out, _ = residual("summary", "cifar-resnet20", "--plot", "net.svg")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 100
    assert (project / "net.svg").read_text().lstrip().startswith("<?xml")
    report = json.loads(residual("summary", "runs/first/model.keras", "--json")[1])
    assert report["name"] == "cifar-resnet8"


@pytest.mark.parametrize("words", [("--help",), ("--version",)])
def test_the_command_starts_without_heavy_libraries(words):
    code = (
        "import sys; from residual.cli import main\n"
        f"sys.argv = ['residual', *{words!r}]\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'keras', 'tensorflow', 'numpy', 'matplotlib', 'sklearn', 'h5py', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_import_residual_is_instant():
    code = "import time; t = time.perf_counter(); import residual; print(time.perf_counter() - t)"
    seconds = min(
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    )
    assert seconds < 0.3


def test_signs_says_whether_the_hands_are_real(project, shared_data, monkeypatch):
    words = ("train", "signs", "--model", "cifar-resnet8", "--epochs", "1", "--size", "16")
    out = residual(*words)[1]
    assert "drawn hands, a stand-in" in out
    monkeypatch.setenv("RESIDUAL_DATA", str(shared_data))
    out = residual(*words, "--name", "real")[1]
    assert "train_signs.h5 (960 images)" in out
    assert "train_signs.h5 (960 images)" in (project / "runs/real/run.toml").read_text()


def test_evaluate_notices_that_the_data_has_changed(project):
    np.savez("a.npz", x=stripes(30, 0).x, y=stripes(30, 0).y)
    words = ("--model", "cifar-resnet8", "--epochs", "1", "--recipe", "digits", "--name", "npz")
    assert residual("train", "a.npz", *words)[0] == 0
    np.savez("a.npz", x=stripes(60, 0).x, y=stripes(60, 0).y)
    code, _, err = residual("evaluate", "npz")
    assert code == 2
    assert "a.npz are not those of the run" in err


def test_bench_shows_every_export_beside_the_others(project, monkeypatch):
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(
        "residual.exporters.bench.list_variants", lambda: [("onnx", "fp32"), ("onnx", "int8")]
    )
    monkeypatch.setattr("residual.exporters.speed._TURNS", 1)
    code, out, err = residual("bench", "first", "--json", "--max-loss", "100")
    assert code == 0, err
    found = json.loads(out)
    report = json.loads((project / "runs/first/report.json").read_text())
    assert found["images"] == report["validation"]["n"]
    assert [row["precision"] for row in found["rows"]] == ["fp32", "int8"]
    float_row, int8_row = (row["certificate"] for row in found["rows"])
    assert float_row["file_accuracy"]["share"] == report["validation"]["accuracy"]
    assert float_row["agreement"] == 1
    assert 0 < int8_row["file_bytes"] < float_row["file_bytes"]
    assert float_row["speed"]["batch_32_per_second"] > 0


def test_a_refused_export_is_no_mistake_of_the_user(project, monkeypatch):
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr("residual.exporters.certificate._keeps_rule", lambda *_: False)
    code, _, err = residual("export", "first", "--out", "refused")
    assert code == 1
    assert "first.onnx is refused: it must keep this rule: the same class for every image" in err
    assert not list((project / "refused").iterdir())
