"""A training that was cut off goes on as if it had not been, or says why it cannot."""

import hashlib
import subprocess
import sys

import msgspec
import numpy as np
import pytest
import tomli_w
from msgspec.structs import replace
from PIL import Image

import residual
from residual._open import open_run
from residual._run import Run
from residual._verbs import training
from residual.augment import Flip, Shift
from residual.backend.choice import Choice
from residual.data.fingerprints import compute_data_hash
from residual.data.load import load_data
from residual.data.photo_size import PhotoSize
from residual.errors import DataError, RecipeError, RunError
from residual.runs import checkpoints
from residual.runs.find import find_run, new_run
from residual.runs.folder import RunFolder
from residual.training import choose, failures, fit, job, memory, save
from residual.training.callbacks.epoch_log import EpochLog
from residual.training.job import split_validation
from residual.training.schedules import OneCycle, Steps
from tests.support.cut import cut_before
from tests.support.made import QUICK, quiet, save_npz, striped, train_on

RECIPE = replace(QUICK, epochs=4, schedule=OneCycle(3e-3), augment=(Shift(2), Flip()))


@pytest.fixture
def stripes_file(tmp_path):
    return save_npz(tmp_path / "stripes.npz", striped())


def train(file, name, cut_at=None, **options):
    """A training; with `cut_at` one that ends before that step of all, as a process that is killed."""
    options = {"recipe": RECIPE, "precision": "float32", "console": quiet(), "name": name, **options}
    if cut_at is None:
        return train_on(data=file, **options)
    with cut_before(cut_at):
        train_on(data=file, **options)
    return None


def same_but_for_seconds(one: RunFolder, other: RunFolder) -> bool:
    rows = [[{k: v for k, v in row.items() if k != "seconds"} for row in f.log_rows()] for f in (one, other)]
    return rows[0] == rows[1]


@pytest.mark.parametrize(
    ("optimizer", "cut_at"),
    [
        *(("adamw", 2), ("muon", 6)),
        *(pytest.param("adamw", step, marks=pytest.mark.slow) for step in (6, 11, 17)),
        *(pytest.param("muon", step, marks=pytest.mark.slow) for step in (2, 11, 17)),
        *(pytest.param("sgd", step, marks=pytest.mark.slow) for step in (2, 6, 11, 17)),
    ],
)
def test_a_resumed_training_ends_bit_for_bit_as_one_that_was_not_cut(
    stripes_file, each_step, cut_at, optimizer
):
    keep = {"adamw": "auto", "muon": "best", "sgd": "best"}[optimizer]
    recipe = replace(RECIPE, optimizer=optimizer, keep=keep)  # 6 steps an epoch
    whole = train(stripes_file, "whole", recipe=recipe)
    train(stripes_file, "cut", cut_at, recipe=recipe)
    assert RunFolder("runs/cut").state == "interrupted"
    resumed = residual.resume("cut", progress=False)
    assert resumed.report["weights_sha256"] == whole.report["weights_sha256"]
    assert resumed.report["data_sha256"] == whole.report["data_sha256"]
    assert resumed.report["kept_epoch"] == whole.report["kept_epoch"]
    assert resumed.report["kept_reason"] == whole.report["kept_reason"]
    assert same_but_for_seconds(resumed.folder, whole.folder)
    assert [entry["step"] for entry in resumed.report["resumed"]] == [cut_at]
    assert resumed.folder.state == "finished"
    assert not resumed.folder.checkpoints.exists(), "nothing is left to resume"
    assert resumed.evaluate().to_dict() == whole.evaluate().to_dict()


def test_photos_of_an_interrupted_run_keep_their_size(tmp_path, each_step, monkeypatch):
    """Version 0.1 scaled all photos to 64 pixels; today their sizes decide."""
    for name, color in (("red", (200, 40, 40)), ("blue", (40, 40, 200))):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(6):
            picture = Image.new("RGB", (90 + i, 80), tuple(max(value - 6 * i, 0) for value in color))
            picture.save(tmp_path / "photos" / name / f"{i}.png")
    options = {"recipe": replace(RECIPE, epochs=2, batch_size=4), "validation_split": 0.25}
    with monkeypatch.context() as patched:
        patched.setattr(job, "choose_photo_size", lambda source: PhotoSize(16, "as before"))
        train(str(tmp_path / "photos"), "cut", 3, **options)
    resumed = train(str(tmp_path / "photos"), "cut", **options)
    assert RunFolder("runs/cut").record.data.image_size == (16, 16)
    assert [entry["step"] for entry in resumed.report["resumed"]] == [3]
    assert resumed.model.input_shape == (None, 16, 16, 3)


def test_a_run_of_the_same_name_goes_on_by_itself(stripes_file, each_step):
    whole = train(stripes_file, "whole")
    train(stripes_file, "cut", 8)
    console = quiet()
    resumed = train(stripes_file, "cut", console=console)
    assert resumed.report["weights_sha256"] == whole.report["weights_sha256"]
    assert "resuming runs/cut from its checkpoint of step 8, step 2 of epoch 2" in console.file.getvalue()
    resumed.evaluate()
    with pytest.raises(RunError, match="runs/cut exists already"):
        train(stripes_file, "cut")


def write_as_version_0_1(name: str, file) -> None:
    """Rewrite run.toml as version 0.1 wrote it: other tables, and hashes of all pixels of a split at once."""
    folder = RunFolder(f"runs/{name}")
    record, loaded = folder.record, load_data(file)
    split = split_validation(loaded, record.train["validation_split"], record.train["seed"])
    test = hashlib.sha256(loaded.test.x.tobytes() + loaded.test.y.tobytes()).hexdigest()[:16]
    data = msgspec.to_builtins(record.data)
    del data["hash_style"]
    data |= {"test_fingerprint": test, "data_sha256": compute_data_hash(split, style="")}
    data |= {"asked": str(file), "validation_share": record.train["validation_split"]}
    values = {
        "started": record.started,
        "seed": record.train["seed"],
        "precision": record.precision,
        "data": data,
        "network": msgspec.to_builtins(record.network),
        "recipe": record.recipe,
        "machine": record.machine,
    }
    (folder.path / "run.toml").write_text(tomli_w.dumps(values), "utf-8")


def test_a_run_of_version_1_goes_on_and_is_judged(stripes_file, each_step):
    whole = train(stripes_file, "whole")
    for name in ("by-name", "resumed"):
        train(stripes_file, name, 8)
        write_as_version_0_1(name, stripes_file)
    for run in (train(stripes_file, "by-name"), residual.resume("resumed", progress=False)):
        assert run.report["weights_sha256"] == whole.report["weights_sha256"]
        assert Run(RunFolder(run.folder.path)).evaluate().to_dict() == whole.evaluate().to_dict()
        assert run.folder.record.data.hash_style == ""


def test_a_run_of_version_1_is_not_judged_on_other_images(stripes_file, each_step):
    train(stripes_file, "old", 8)
    write_as_version_0_1("old", stripes_file)
    with np.load(stripes_file) as file:
        arrays = dict(file)
    arrays = {name: 255 - array if array.dtype == np.uint8 else array for name, array in arrays.items()}
    np.savez(stripes_file, **arrays)
    with pytest.raises(DataError, match="are not those that runs/old was trained on"):
        residual.resume("old", progress=False)
    with pytest.raises(RunError, match="its images were others"):
        train(stripes_file, "old")
    with pytest.raises(DataError, match="are not those of the run"):
        Run(RunFolder("runs/old")).data()


def test_a_run_that_was_asked_for_otherwise_does_not_go_on(stripes_file, each_step):
    train(stripes_file, "cut", 8)
    with pytest.raises(
        RunError,
        match="seed was 0, now 1; epochs was 4, now 9. Continue it as it was with residual train --resume cut",
    ):
        train(stripes_file, "cut", recipe=replace(RECIPE, epochs=9), seed=1)
    with pytest.raises(RunError, match="precision was float32, now bfloat16"):
        train(stripes_file, "cut", precision="bfloat16")


def test_a_resumed_run_computes_as_it_began(stripes_file, each_step, monkeypatch):
    measured = Choice("float32", 0, {"norm of 8 images, 4x4x4, float32": "keras"}, "measured")
    monkeypatch.setattr(choose, "choose", lambda *arguments, **options: measured)
    train(stripes_file, "cut", 8, precision="auto")
    assert RunFolder("runs/cut").record.fastest == measured.answers
    assert RunFolder("runs/cut").record.precision == "float32"
    used = []
    accelerated = fit.accelerate.accelerated
    monkeypatch.setattr(choose, "choose", None)  # it would raise
    monkeypatch.setattr(
        fit.accelerate,
        "accelerated",
        lambda model, choice: used.append(choice) or accelerated(model, choice),
    )
    residual.resume("cut", progress=False)
    assert [choice.answers for choice in used] == [measured.answers]


def test_a_damaged_record_of_the_fastest_ways_is_refused(stripes_file, each_step):
    train(stripes_file, "cut", 8)
    folder = RunFolder("runs/cut")
    folder.change_record(fastest={"norm of 8 images, 4x4x4, float32": "banana"})
    with pytest.raises(RunError, match=r"\[fastest\] of .*run.toml is damaged"):
        residual.resume("cut", progress=False)


def test_a_run_of_version_0_1_goes_on_in_the_usual_ways(stripes_file, each_step, monkeypatch):
    whole = train(stripes_file, "whole")
    train(stripes_file, "cut", 8)
    folder = RunFolder("runs/cut")
    folder.change_record(fastest=None)
    monkeypatch.setattr(choose, "choose", None)
    resumed = residual.resume("cut", progress=False)
    assert resumed.report["weights_sha256"] == whole.report["weights_sha256"]


def test_ctrl_c_leaves_a_run_that_goes_on(stripes_file, monkeypatch):
    import signal

    whole = train(stripes_file, "whole")

    def interrupt(self, batch, logs=None):
        if self.steps == 8 and self.folder.path.name == "cut":
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(EpochLog, "on_train_batch_begin", interrupt)
    stopped = train(stripes_file, "cut")
    assert (stopped.folder.state, stopped.report["interrupted"]) == ("stopped", True)
    stopped.evaluate()
    monkeypatch.undo()
    monkeypatch.chdir(stripes_file.parent)
    resumed = residual.resume("cut", progress=False)
    assert resumed.report["weights_sha256"] == whole.report["weights_sha256"]
    assert "test" not in resumed.report, "the test images are read again, by evaluate"


def test_a_damaged_checkpoint_is_told_and_the_one_before_it_used(stripes_file, each_step):
    whole = train(stripes_file, "whole")
    train(stripes_file, "cut", 8)
    newest = checkpoints.list_checkpoints(RunFolder("runs/cut").checkpoints)[0]
    content = bytearray(newest.read_bytes())
    content[len(content) // 3] ^= 8
    newest.write_bytes(content)
    console = quiet()
    resumed = training.resume_run("cut", console=console)
    said = console.file.getvalue()
    assert f"{newest} is damaged: its checksum does not match." in said
    assert "resuming runs/cut from its checkpoint of step 7, step 1 of epoch 2" in said
    assert resumed.report["weights_sha256"] == whole.report["weights_sha256"]


def test_without_a_checkpoint_a_run_begins_anew(stripes_file):
    train(stripes_file, "cut", 1)
    console = quiet()
    resumed = training.resume_run("cut", console=console)
    assert "runs/cut has no checkpoint that can be used: it begins anew" in console.file.getvalue()
    assert resumed.report["epochs"] == 4


def test_data_that_changed_is_refused(stripes_file, each_step):
    train(stripes_file, "cut", 8)
    data = striped()
    data.train.x[5, 0, 0, 0] ^= 1
    save_npz(stripes_file, data)
    with pytest.raises(DataError, match="are not those that runs/cut was trained on"):
        residual.resume("cut", progress=False)


def test_a_finished_run_and_a_run_in_another_process_are_refused(stripes_file, each_step):
    train(stripes_file, "whole").evaluate()
    with pytest.raises(RunError, match="runs/whole has finished: there is nothing to resume"):
        residual.resume("whole", progress=False)
    train(stripes_file, "cut", 8)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from residual.runs.folder import RunFolder\n"
            "with RunFolder('runs/cut').claim(): print('held', flush=True); sys.stdin.read()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout.readline() == b"held\n"
        assert RunFolder("runs/cut").state == "running"
        with pytest.raises(RunError, match="runs/cut is being trained by another process"):
            residual.resume("cut", progress=False)
    finally:
        holder.communicate()
    assert RunFolder("runs/cut").state == "interrupted"


def test_a_disk_that_takes_no_checkpoint_is_told_once_and_the_training_continues(
    stripes_file, each_step, monkeypatch
):
    write = checkpoints.write

    def fill(folder, state):
        if state.step > 7:
            raise OSError(28, "No space left on device")
        return write(folder, state)

    monkeypatch.setattr(checkpoints, "write", fill)
    console = quiet()
    with monkeypatch.context():
        run = train(stripes_file, "full", console=console)
    told = (
        "A checkpoint cannot be written to runs/full/checkpoints: No space left on device; that of step 7 is kept. "
        "Training continues."
    )
    assert console.file.getvalue().count(told) == 1
    assert run.folder.state == "finished"


def test_a_loss_that_is_not_finite_ends_the_run_and_says_what_to_try(stripes_file, each_step):
    wild = replace(RECIPE, optimizer="sgd", schedule=Steps(((0, 1e-2), (2, 1e20))))
    with pytest.raises(RunError) as raised:
        train(stripes_file, "wild", recipe=wild)
    text = str(raised.value)
    assert "at the learning rate 1e+20. The norm of the gradient was nan, and " in text
    assert "To try: a lower rate or a longer warm-up" in text
    assert "and the best network so far, of epoch 2, as model.keras" in text
    folder = find_run("wild")
    assert (folder.state, folder.report["failure"]) == ("failed", text)
    step = checkpoints.step_of(checkpoints.list_checkpoints(folder.checkpoints)[0])
    state = checkpoints.read(checkpoints.list_checkpoints(folder.checkpoints)[0])
    assert step >= 12
    assert all(np.isfinite(weight).all() for weight in state.named("weights"))
    assert open_run("wild").model.count_params() > 0


def test_gradient_norm_is_that_of_the_weights():
    import keras

    from residual.backend.gradients import gradient_norm

    pixels = keras.Input((2, 2, 3))
    outputs = keras.layers.Dense(2, use_bias=False)(keras.layers.GlobalAveragePooling2D()(pixels))
    model = keras.Model(pixels, outputs)
    model.compile("sgd", "mse")
    model.set_weights([np.zeros((3, 2), np.float32)])
    x, y = np.ones((4, 2, 2, 3), np.float32), np.ones((4, 2), np.float32)
    # d/dw of mean((w'x - 1)^2) over two outputs: -2 * 1 / 2 for each of the six weights.
    assert gradient_norm(model, x, y) == pytest.approx(np.sqrt(6), rel=1e-6)


def test_memory_that_does_not_suffice_is_told_with_a_batch_that_fits(stripes_file, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 25 * 2**20)
    with pytest.raises(
        RecipeError,
        match=r"Batches of 87 images need about \d+ MiB .* 25 MiB are free: `batch_size` \d+ would fit",
    ):
        train(stripes_file, "large", recipe=replace(RECIPE, batch_size=500))
    assert not RunFolder("runs/large").path.exists()


def test_memory_that_runs_out_amid_the_training_is_told(stripes_file, each_step, monkeypatch):
    def out(self, batch, logs=None):
        if self.steps == 3:
            raise MemoryError

    monkeypatch.setattr(EpochLog, "on_train_batch_begin", out)
    monkeypatch.setattr(failures, "find_fitting_batch", lambda model, precision: 8)
    with pytest.raises(
        RunError, match=r"does not suffice for batches of 16 images: `batch_size` 8 should fit.*step 3"
    ):
        train(stripes_file, "large")
    assert find_run("large").state == "failed"


def test_an_error_before_the_first_step_leaves_no_run(stripes_file, tmp_path):
    with pytest.raises(RecipeError, match="too short"):
        train(stripes_file, "short", time_budget="0.001s")
    assert not (tmp_path / "runs" / "short").exists()


def test_an_empty_folder_is_taken_and_one_with_other_things_is_not(tmp_path):
    (tmp_path / "runs" / "empty").mkdir(parents=True)
    assert new_run("empty", "x").path.name == "empty"
    (tmp_path / "runs" / "mine").mkdir()
    (tmp_path / "runs" / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match="runs/mine exists already"):
        new_run("mine", "x")


def test_resume_takes_no_other_arguments(capfd):
    from typer.testing import CliRunner

    from residual.cli import app

    result = CliRunner().invoke(app, ["train", "digits", "--resume", "x", "--epochs", "3"])
    assert result.exit_code == 2
    said = result.output + capfd.readouterr().err
    assert "--resume finishes x as it began: leave out --epochs, DATA, or start" in said


@pytest.mark.parametrize(
    "content", [b"epoch,loss\n1,abc\n", b"epoch,loss\n1\n", b"epoch\n1,2\n", b"\xff\xfe\n1\n"]
)
def test_a_damaged_log_is_told(tmp_path, content):
    (tmp_path / "log.csv").write_bytes(content)
    with pytest.raises(RunError, match="log.csv cannot be read"):
        RunFolder(tmp_path).log_rows()


def test_a_network_that_cannot_be_written_is_told_with_what_to_do(stripes_file, monkeypatch):
    def full(model, path, info):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(save, "save_model", full)
        with pytest.raises(
            RunError,
            match=r"runs/full cannot be written or read: No space left on device\. Make room.*--resume full",
        ):
            train(stripes_file, "full")
    assert RunFolder("runs/full").state == "interrupted"
    assert residual.resume("full", progress=False).folder.state == "finished"
