"""Whatever is killed, terminated or deleted while a run ends, the rest is written later, or a message says why not."""

import os
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from msgspec.structs import replace

import residual
from residual._verbs import end_of_run, training
from residual.errors import ResidualWarning, RunError
from residual.models.keras_file import load_model, save_model
from residual.reporting import write
from residual.runs.folder import RunFolder
from residual.training.callbacks import checkpoint
from residual.training.callbacks.epoch_log import EpochLog
from residual.training.schedules import OneCycle
from tests.support.made import QUICK, quiet, save_npz, striped, train_on

RECIPE = replace(QUICK, schedule=OneCycle(3e-3))
# run.toml, digests, run.toml, log.csv twice, model.keras twice, trust.npz, report.json, curves, page; scores in three
# files, page
WRITES = 15
IN_THE_END = (7, 9, 14)  # after the network, after report.json, after the scores; the others take minutes
COUNTS = [n if n in IN_THE_END else pytest.param(n, marks=pytest.mark.slow) for n in range(1, WRITES)]
FILES = {
    "run.toml",
    "log.csv",
    "model.keras",
    "report.json",
    "report.html",
    "training_digests.npy",
    "trust.npz",
    "curves.png",
    "confusion.png",
    "test_predictions.csv",
}


class Killed(BaseException):
    """Ends a training where a kill would."""


@pytest.fixture(scope="module", autouse=True)
def report_written():
    """These runs write their report, as those of users do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "wants_report", True)
        yield


@pytest.fixture
def stripes_file(tmp_path):
    return save_npz(tmp_path / "stripes.npz", striped())


def train_and_evaluate(file, name: str, console=None):
    """What `residual train --name NAME` does."""
    run = train_on(console or quiet(), file, name=name, recipe=RECIPE, precision="float32")
    return run, run.evaluate()


def kill_after_write(monkeypatch, count: int) -> None:
    """Raise after this many files of the run were written."""
    written, replace_file = [], os.replace

    def write(source, target):
        replace_file(source, target)
        if Path(target).parent.name == "killed":
            written.append(Path(target).name)
            if len(written) == count:
                raise Killed

    monkeypatch.setattr(os, "replace", write)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The report of a training that was not killed, and its scores."""
    folder, before = tmp_path_factory.mktemp("whole"), os.getcwd()
    os.chdir(folder)
    try:
        run, scores = train_and_evaluate(save_npz(folder / "stripes.npz", striped()), "whole")
        return run.report, scores.to_dict()
    finally:
        os.chdir(before)


@pytest.mark.parametrize("count", COUNTS)
def test_a_kill_after_any_write_is_mended_by_the_same_command(stripes_file, whole, monkeypatch, count):
    with monkeypatch.context() as patch:
        kill_after_write(patch, count)
        with pytest.raises(Killed):
            train_and_evaluate(stripes_file, "killed")
    run, scores = train_and_evaluate(stripes_file, "killed")
    assert run.report["weights_sha256"] == whole[0]["weights_sha256"]
    assert run.report["test"]["accuracy"] == whole[0]["test"]["accuracy"]
    assert scores.to_dict() == whole[1]
    assert {path.name for path in run.path.iterdir() if not path.name.startswith(".")} - {
        "tensorboard"
    } == FILES
    assert not any(path.name.startswith(".model") for path in run.path.iterdir())
    with pytest.raises(RunError, match="has finished: there is nothing to resume"):
        residual.resume("killed", progress=False)


def test_resume_writes_what_a_finished_training_lacks(stripes_file, monkeypatch):
    run = train_on(quiet(), stripes_file, name="mine", recipe=RECIPE, precision="float32")
    assert "The test images have not been read" in read_page(run)
    (run.path / "curves.png").unlink()
    (run.path / "report.html").unlink()
    console = quiet()
    resumed = training.resume_run("mine", console=console)
    said = console.file.getvalue()
    assert "runs/mine has finished training; missing: curves.png, test_predictions.csv, confusion.png" in said
    assert "the test scores, report.html" in said
    assert (run.path / "curves.png").is_file()
    assert resumed.evaluate().n == 24
    assert run.folder.find_missing() == []
    page = read_page(run)
    assert "n = 24" in page
    (run.path / "report.html").unlink()
    training.resume_run("mine", console=console)
    assert read_page(run) == page
    monkeypatch.setattr(write, "write_text", refuse_page)
    with pytest.warns(ResidualWarning, match=r"No report is written: .*No space left.* residual report mine"):
        assert run.evaluate().accuracy == run.folder.report["test"]["accuracy"]
    assert end_of_run.list_missing(run.folder) == ["report.html"]


def refuse_page(path, text):
    assert Path(path).name == "report.html"
    raise OSError(28, "No space left on device", str(path))


def read_page(run) -> str:
    return (run.path / "report.html").read_text("utf-8")


def test_a_name_is_refused_continued_or_required(stripes_file, monkeypatch):
    def interrupt(self, batch, logs=None):
        if self.steps == 8:
            raise Killed

    options = {"recipe": RECIPE, "precision": "float32", "progress": False}
    with pytest.raises(RunError, match='resume="always" needs a run to continue, and mine is not there'):
        residual.train(stripes_file, name="mine", resume="always", **options)
    with pytest.raises(RunError, match="resume must be one of auto, never, always; got 'maybe'"):
        residual.train(stripes_file, name="mine", resume="maybe", **options)
    with monkeypatch.context() as patch:
        patch.setattr(EpochLog, "on_train_batch_begin", interrupt)
        with pytest.raises(Killed):
            residual.train(stripes_file, name="mine", **options)
    with pytest.raises(RunError, match=r"runs/mine exists already: a run that was interrupted\. Continue it"):
        residual.train(stripes_file, name="mine", **options)
    run = residual.train(stripes_file, name="mine", resume="always", **options)
    run.evaluate()
    assert run.folder.state == "finished"
    with pytest.raises(RunError, match="mine is not a run that was interrupted"):
        residual.train(stripes_file, name="mine", resume="always", **options)
    with pytest.raises(RunError, match="runs/mine exists already. Choose another `name`"):
        residual.train(stripes_file, name="mine", resume="auto", **options)


def test_sigterm_writes_a_checkpoint_and_exits_with_143(stripes_file, monkeypatch, whole):
    def terminate(self, batch, logs=None):
        if self.steps == 8:
            signal.raise_signal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    console = quiet()
    with monkeypatch.context() as patch:
        patch.setattr(EpochLog, "on_train_batch_begin", terminate)
        patch.setattr(checkpoint, "EVERY", 1e9)
        with pytest.raises(SystemExit) as ended:
            train_and_evaluate(stripes_file, "mine", console)
    assert ended.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before
    assert "SIGTERM: writing a checkpoint after this step, then ending" in console.file.getvalue()
    assert RunFolder("runs/mine").state == "interrupted"
    console = quiet()
    run, _ = train_and_evaluate(stripes_file, "mine", console)
    assert "from its checkpoint of step 9" in console.file.getvalue()
    assert run.report["weights_sha256"] == whole[0]["weights_sha256"]


def test_a_run_folder_that_is_deleted_ends_the_training(stripes_file, monkeypatch):
    def delete(self, batch, logs=None):
        if self.steps == 3:
            shutil.rmtree(self.folder.path)

    monkeypatch.setattr(EpochLog, "on_train_batch_begin", delete)
    with pytest.raises(
        RunError, match="The folder runs/mine was deleted while the network was being trained"
    ):
        train_and_evaluate(stripes_file, "mine")
    assert not Path("runs/mine").exists()


def test_other_weights_than_those_of_the_report_are_refused(stripes_file):
    run, _ = train_and_evaluate(stripes_file, "mine")
    assert residual.open_run("mine").evaluate().n == 24
    model = run.model
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    save_model(model, run.folder.model, {"classes": list(run.classes)})
    for call in (lambda: residual.evaluate("mine"), lambda: residual.open_run(run.folder.model).model):
        with pytest.raises(RunError, match="holds other weights than those that .*report.json is about"):
            call()
    shutil.copy(run.folder.model, "elsewhere.keras")
    assert residual.evaluate("elsewhere.keras", data=stripes_file).n == 24


def test_the_hash_of_weights_does_not_depend_on_how_a_backend_counts():
    from residual.training.batch_norm import has_hash, hash_weights

    model = SimpleNamespace(get_weights=lambda: [np.float32([1, 2]), np.array(7)])
    here = hash_weights(model)
    model.get_weights = lambda: [np.float32([1, 2]), np.int32(7)]  # as JAX and torch count
    assert hash_weights(model) == here
    assert has_hash(model, here)
    assert has_hash(model, hash_weights(model, "int32"))  # as version 0.1 wrote it there
    model.get_weights = lambda: [np.float32([1, 3]), np.array(7)]
    assert not has_hash(model, here)


@pytest.mark.parametrize(
    "name",
    [
        *("cifar-resnet29v2", "resnet50d"),
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("resnet18", "course-resnet50", "wide-resnet16-4")
        ),
    ],
)
def test_a_network_has_the_same_hash_after_it_is_saved_and_loaded(tmp_path, name):
    from residual.models.keras_file import save_model
    from residual.training.batch_norm import hash_weights

    keras.utils.set_random_seed(0)
    model = residual.build(name, (32, 32, 3), 4)
    save_model(model, tmp_path / "m.keras", {})
    assert hash_weights(load_model(tmp_path / "m.keras")[0]) == hash_weights(model)


@pytest.mark.parametrize("broken", ["report.json", "test_predictions.csv"])
def test_scores_are_returned_if_they_cannot_be_written(stripes_file, monkeypatch, broken):
    run = train_on(quiet(), stripes_file, name="mine", recipe=RECIPE, precision="float32")
    replace_file = os.replace

    def fail(source, target):
        if Path(target).name == broken:
            raise OSError(28, "No space left on device", str(target))
        replace_file(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.warns(
            UserWarning, match=f"runs/mine/{broken} cannot be written: No space left on device"
        ):
            scores = run.evaluate()
    assert scores.n == 24
    assert run.report["test"]["n"] == 24
    assert ("test" in RunFolder("runs/mine").report) == (broken != "report.json")
    run.evaluate()
    assert RunFolder("runs/mine").report["test"]["n"] == 24


@pytest.mark.parametrize(
    "info",
    [
        "[1]",
        "null",
        '"text"',
        '{"classes": 3}',
        '{"classes": [1, 2, 3]}',
        '{"classes": ["a"]}',
        '{"white": "x"}',
        "{",
    ],
)
def test_a_damaged_residual_json_gives_one_message(tmp_path, info):
    import zipfile

    model = residual.build("cifar-resnet8", (8, 8, 3), 3)
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras", "a") as archive:
        archive.writestr("residual.json", info)
    with pytest.raises(RunError, match="m.keras is damaged: residual.json in it must "):
        residual.predict(tmp_path / "m.keras", save_image(tmp_path))


def save_image(folder: Path) -> Path:
    from PIL import Image

    Image.new("RGB", (8, 8)).save(folder / "image.png")
    return folder / "image.png"
