"""Training on small made images: statistics, selection, the run folder, interruption."""

import dataclasses
import io
import json
import signal

import keras
import numpy as np
import pytest
from msgspec.structs import replace
from rich.console import Console

import residual
from residual.augment import Shift
from residual.data import pixel_store
from residual.data.images import Dataset, Images
from residual.errors import DataError, RecipeError, RunError
from residual.models import zoo
from residual.models.build import build_network
from residual.runs.find import find_run, new_run
from residual.runs.folder import RunFolder
from residual.training import batch_norm
from residual.training.batches import in_order
from residual.training.build import build_model, fit_normalization
from residual.training.callbacks.best_weights import BestWeights
from residual.training.callbacks.epoch_log import EpochLog
from residual.training.compile import RateTable, compile_model
from residual.training.job import split_validation
from residual.training.recipes import Recipe
from residual.training.schedules import Constant, Steps
from tests.support.made import QUICK, quiet, save_npz, striped, stripes, train_on


@pytest.fixture
def data() -> Dataset:
    return striped()


@pytest.fixture
def stripes_file(data, tmp_path):
    return save_npz(tmp_path / "stripes.npz", data)


def test_momentum_follows_the_number_of_steps():
    assert batch_norm.momentum_for(340) == pytest.approx(1 - 30 / 340)
    assert batch_norm.momentum_for(10) == pytest.approx(0.8)
    assert batch_norm.momentum_for(10**6) == pytest.approx(0.99)


def test_recomputed_statistics_are_those_of_all_images():
    pixels = keras.Input((4, 4, 3))
    model = keras.Model(pixels, keras.layers.BatchNormalization(name="norm")(pixels))
    x = np.random.default_rng(0).integers(0, 256, (50, 4, 4, 3)).astype(np.uint8)
    batch_norm.recompute_batch_norm(model, Images(x, np.zeros(50, int)), batch_size=10)
    norm = model.get_layer("norm")
    got = [keras.ops.convert_to_numpy(value) for value in (norm.moving_mean, norm.moving_variance)]
    np.testing.assert_allclose(got[0], x.mean((0, 1, 2)), rtol=1e-4)
    np.testing.assert_allclose(got[1], x.astype(float).var((0, 1, 2)), rtol=1e-3)
    assert norm.momentum == 0.99


def test_recomputing_changes_nothing_else():
    model = build_network(zoo.find_spec("cifar-resnet8"), (16, 16, 3), 3)
    before = [np.array(w) for w in model.get_weights()]
    moving = batch_norm.moving_statistics(model)
    batch_norm.recompute_batch_norm(model, stripes(32, 0), 16)
    batch_norm.assign_statistics(model, moving)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_training_from_disk_is_training_from_memory(stripes_file, tmp_path, monkeypatch):
    from PIL import Image

    for part, images in (("train", stripes(48, 0)), ("test", stripes(24, 1))):
        for i, (x, y) in enumerate(zip(images.x, images.y, strict=True)):
            (tmp_path / "photos" / part / "rgb"[y]).mkdir(parents=True, exist_ok=True)
            Image.fromarray(x).save(tmp_path / "photos" / part / "rgb"[y] / f"{i:02}.png")
    recipe = replace(QUICK, normalization="channel")
    weights, scores = [], []
    for limit in (2**30, 0):
        monkeypatch.setattr(pixel_store, "IN_MEMORY", limit)
        run = residual.train(
            tmp_path / "photos", recipe=recipe, image_size=16, precision="float32", progress=False
        )
        weights.append(run.model.get_weights())
        scores.append(run.evaluate().to_dict())
    assert isinstance(run.data().train.x, pixel_store.PixelStore)
    assert all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))
    assert scores[0] == scores[1]
    assert 0 <= run.report["waiting_for_data"] < 1


@pytest.mark.parametrize("kind", ["scale", "channel", "mean-image"])
def test_normalization(kind):
    images = stripes(20, 0)
    got = keras.ops.convert_to_numpy(fit_normalization(kind, images)(images.x.astype("float32")))
    x = images.x.astype(float)
    expected = {
        "scale": x / 255,
        "channel": (x - x.mean((0, 1, 2))) / x.std((0, 1, 2)),
        "mean-image": (x - x.mean(0)) / 255,
    }[kind]
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_rate_table_gives_each_step_its_rate():
    table = RateTable(np.array([0.1, 0.2, 0.3]))
    assert [round(float(table(step)), 6) for step in (0, 1, 2, 3)] == [0.1, 0.2, 0.3, 0.3]


def test_decay_spares_biases_and_norms(data):
    model = build_model(data, zoo.find_spec("notebook-resnet8"), QUICK)
    compile_model(model, QUICK, steps=6)
    decayed = [v.path for v in model.trainable_variables if model.optimizer._use_weight_decay(v)]
    assert decayed
    assert all(path.endswith("kernel") for path in decayed)


def test_one_step_lowers_the_loss_on_its_batch(data):
    keras.utils.set_random_seed(0)
    model = build_model(data, zoo.find_spec("cifar-resnet8"), QUICK)
    compile_model(model, QUICK, steps=6)
    x, y = in_order(data.train, 3, len(data.train))[0]
    losses = [float(model.train_on_batch(x, y)[0]) for _ in range(6)]
    assert losses[-1] < losses[0]


def test_validation_comes_from_training_images(data):
    split = split_validation(data, 0.25, seed=3)
    assert (len(split.train), len(split.validation), split.test) == (72, 24, data.test)
    seen = {image.tobytes() for image in split.train.x}
    assert not any(image.tobytes() in seen for image in split.validation.x)


def test_train_evaluate_predict_from_python(stripes_file, tmp_path):
    run = residual.train(stripes_file, recipe=QUICK, progress=False, name="first", seed=1)
    assert run.path.as_posix() == "runs/first"
    assert "test" not in run.report, "training must not read the test images"
    scores = run.evaluate()
    assert scores.n == 24
    assert run.report["test"]["accuracy"] == scores.accuracy
    names = {file.name for file in run.path.iterdir() if file.is_file()}
    shown = {
        "run.toml",
        "log.csv",
        "model.keras",
        "report.json",
        "training_digests.npy",
        "trust.npz",
        "curves.png",
        "confusion.png",
        "test_predictions.csv",
    }
    assert names == {*shown, ".lock"}
    assert (run.folder.state, len(run.report["weights_sha256"]), len(run.report["data_sha256"])) == (
        "finished",
        64,
        64,
    )
    record = run.folder.record
    assert Recipe.from_table(record.recipe) == QUICK
    assert (record.train["seed"], record.data.train_images, record.data.test_images) == (1, 87, 24)
    assert [row["epoch"] for row in run.folder.log_rows()] == [1, 2]

    again = residual.evaluate("first")
    assert again.to_dict() == scores.to_dict()
    elsewhere = residual.evaluate(run.folder.model, data=stripes_file)
    assert elsewhere.accuracy == scores.accuracy

    from PIL import Image

    Image.fromarray(stripes(3, 5, size=40).x[1]).save(tmp_path / "green.png")
    (prediction,) = residual.predict("first", tmp_path / "green.png")
    assert set(prediction.probabilities) == {"red", "green", "blue"}
    assert prediction.probability == max(prediction.probabilities.values())
    assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-5)


def test_a_short_training_learns(stripes_file):
    recipe = Recipe("short", "", "cifar-resnet8", 8, 16, "adamw", Constant(3e-3))
    assert residual.train(stripes_file, recipe=recipe, progress=False).evaluate().accuracy >= 0.9


def test_same_seed_same_weights_other_seed_others(stripes_file):
    def weights(seed):
        return residual.train(stripes_file, recipe=QUICK, progress=False, seed=seed).model.get_weights()

    first, second, other = weights(0), weights(0), weights(1)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_statistics_that_have_not_settled_are_replaced_and_reported(stripes_file, monkeypatch):
    recipe = Recipe("short", "", "cifar-resnet8", 8, 16, "adamw", Constant(3e-3))
    restore = BestWeights.restore

    def unsettle(self, model):
        restore(self, model)
        rng = np.random.default_rng(0)
        values = batch_norm.moving_statistics(model)
        batch_norm.assign_statistics(model, [rng.uniform(0, 9, v.shape) for v in values])

    monkeypatch.setattr(BestWeights, "restore", unsettle)
    run = residual.train(stripes_file, recipe=recipe, progress=False)
    assert run.report["validation"]["accuracy"] >= 0.9
    assert run.report["validation"]["accuracy_with_moving_statistics"] <= 0.7
    assert run.evaluate().accuracy >= 0.9
    assert run.report["test"]["accuracy_with_moving_statistics"] <= 0.7
    assert run.evaluate().accuracy >= 0.9, "evaluating leaves the recomputed statistics in place"


def test_ctrl_c_keeps_the_best_so_far(stripes_file, monkeypatch):
    recipe = Recipe("long", "", "cifar-resnet8", 50, 16, "adamw", Constant(3e-3))
    heard, before = io.StringIO(), signal.getsignal(signal.SIGINT)
    written = EpochLog.on_epoch_end

    def interrupt_after_two(self, epoch, logs=None):
        written(self, epoch, logs)
        if epoch == 1:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(EpochLog, "on_epoch_end", interrupt_after_two)
    run = train_on(Console(file=heard, width=200), stripes_file, recipe=recipe)
    assert (run.report["interrupted"], run.report["epochs"]) == (True, 2)
    assert "The best epoch so far is kept" in heard.getvalue()
    assert run.evaluate().n == 24
    assert signal.getsignal(signal.SIGINT) is before


def test_a_network_of_ones_own_is_trained(stripes_file):
    spec = residual.NetworkSpec("mine", (1, 1), (16, 32), stem="cifar", stem_width=16)
    run = residual.train(stripes_file, model=spec, recipe=QUICK, progress=False)
    assert run.path.name == "stripes-mine-1"
    assert run.report["kept_epoch"] in (1, 2)


def test_the_log_has_the_rate_of_the_epoch(stripes_file):
    recipe = Recipe("steps", "", "cifar-resnet8", 2, 16, "adam", Steps(((0, 1e-3), (1, 1e-4))))
    rows = residual.train(stripes_file, recipe=recipe, progress=False).folder.log_rows()
    assert [row["learning_rate"] for row in rows] == pytest.approx([1e-3, 1e-4])


def test_a_log_that_cannot_be_written_does_not_end_the_training(stripes_file, monkeypatch):
    def full(self, rows):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RunFolder, "write_log", full)
    heard = io.StringIO()
    run = train_on(Console(file=heard, width=200), stripes_file, recipe=QUICK)
    assert (
        heard.getvalue().count("log.csv cannot be written: No space left on device. Training continues.") == 1
    )
    assert run.folder.model.is_file()


def test_a_run_is_not_judged_on_images_it_may_have_trained_on(stripes_file, data):
    run = residual.train(stripes_file, recipe=QUICK, progress=False)
    expected = run.evaluate().accuracy
    assert residual.evaluate(run.folder.path, data=stripes_file).accuracy == expected
    assert residual.evaluate(run.folder.model).accuracy == expected
    arrays = {"x_train": data.train.x, "y_train": data.train.y}
    np.savez(
        stripes_file, **arrays, x_test=data.train.x[:24], y_test=data.test.y, classes=np.array(data.classes)
    )
    with pytest.raises(DataError, match="are not those of the run"):
        residual.evaluate(run.folder.path)


def test_a_name_is_taken_once():
    folder = new_run("mine", "x")
    (folder.path / "run.toml").write_text("seed = 1")
    with pytest.raises(RunError, match="runs/mine exists already: a run that was interrupted"):
        new_run("mine", "x")
    with pytest.raises(RunError, match="name must be made of letters"):
        new_run("../mine", "x")
    assert [new_run(None, "a b").path.name for _ in range(2)] == ["a-b-1", "a-b-2"]
    assert find_run("mine").path == folder.path
    with pytest.raises(RunError, match="There is no run or model 'other'. Runs here: mine."):
        find_run("other")


def test_wrong_data_leaves_no_run_behind(tmp_path):
    with pytest.raises(residual.NetworkError, match="too small for resnet18"):
        residual.train("digits", model="resnet18", progress=False)
    with pytest.raises(DataError, match="validation_split must be a share above 0 and below 1; got 1.5"):
        residual.train("digits", validation_split=1.5, progress=False)
    assert not (tmp_path / "runs").exists()


def test_report_is_json_a_person_can_read(tmp_path):
    folder = new_run("mine", "x")
    folder.add_to_report(epochs=2)
    folder.add_to_report(test={"n": 3})
    text = (folder.path / "report.json").read_text()
    assert json.loads(text) == {"epochs": 2, "test": {"n": 3}}
    assert text.count("\n") > 2


def test_evaluate_on_other_classes_says_which(stripes_file, data, tmp_path):
    run = residual.train(stripes_file, recipe=QUICK, progress=False)
    np.savez(tmp_path / "o.npz", x=data.test.x, y=data.test.y, classes=np.array(["red", "green", "violet"]))
    with pytest.raises(
        DataError, match="classes that the network does not know: violet. It knows red, green, blue"
    ):
        residual.evaluate(run.path.name, data=tmp_path / "o.npz")
    np.savez(
        tmp_path / "p.npz", x=data.test.x, y=(data.test.y + 1) % 3, classes=np.array(["blue", "red", "green"])
    )
    assert residual.evaluate(run.path.name, data=tmp_path / "p.npz").accuracy == run.evaluate().accuracy


def test_the_plan_changes_nothing(data):
    """Weights, optimizer and the order of the images are after the probe what they were before it."""
    from residual.training.batches import Batches
    from residual.training.forecast import measure_forecast

    model = build_model(data, zoo.find_spec("cifar-resnet8"), QUICK)
    compile_model(model, QUICK, steps=6)
    batches = Batches(data.train, 3, 16, seed=5)
    first = batches[0][0].copy()
    weights = model.get_weights()
    plan = measure_forecast(model, batches, dataclasses.replace(data, validation=stripes(24, 2)), started=0.0)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), weights, strict=True))
    assert int(model.optimizer.iterations.numpy()) == 0
    assert not any(v.numpy().any() for v in model.optimizer.variables[2:])  # after iterations and rate
    assert np.array_equal(batches[0][0], first)
    assert plan.step_seconds > 0
    assert plan.epoch_seconds > 6 * plan.step_seconds
    assert plan.compile_seconds > plan.step_seconds


def test_budget_chooses_the_epochs_and_the_run_says_so(stripes_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    console = quiet()
    monkeypatch.setattr("residual.training.forecast.Forecast.epochs_within", lambda *a: 1)
    run = train_on(console, stripes_file, recipe=QUICK, time_budget="30s", precision="float32")
    assert run.report["epochs"] == run.report["epochs_asked"] == 1
    assert run.folder.record.recipe["epochs"] == 1
    assert run.folder.record.precision == run.report["precision"] == "float32"
    said = console.file.getvalue()
    assert "budget   30 s: 1 epochs" in said
    assert "float32, as asked" in said
    assert " ms a step, " in said


def test_budget_and_epochs_together_are_refused():
    with pytest.raises(residual.errors.RecipeError, match="give one of them"):
        residual.train("digits", time_budget="1m", epochs=3)


def test_statistics_are_those_of_images_as_training_sees_them():
    pixels = keras.Input((4, 4, 3))
    model = keras.Model(pixels, keras.layers.BatchNormalization(name="norm")(pixels))
    white = Images(np.full((40, 4, 4, 3), 200, np.uint8), np.zeros(40, int))
    batch_norm.recompute_batch_norm(model, white, 10, (Shift(2, fill="zero"),))
    mean = keras.ops.convert_to_numpy(model.get_layer("norm").moving_mean)
    # A shift by -2 to 2 of 4 pixels leaves 0.7 of each side in view: (2 + 3 + 4 + 3 + 2) / 5 / 4.
    np.testing.assert_allclose(mean, 200 * 0.7**2, rtol=0.1)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_told_before_anything_is_made(seed):
    with pytest.raises(RecipeError, match=f"seed must be a whole number from 0 to 4294967295; got {seed}"):
        residual.train("digits", seed=seed)
