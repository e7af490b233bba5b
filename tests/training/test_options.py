"""What `train` was asked: checked before any data is read, without Keras."""

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import residual
from residual.errors import DataError, RecipeError, ResidualError
from residual.runs.folder import RunFolder
from residual.training.options import TrainOptions
from residual.training.recipes import SIGNS
from residual.training.reload import _reload_options, reload_job, reload_split

SEED = "seed must be a whole number from 0 to 4294967295; got "


@pytest.mark.parametrize(
    ("values", "error", "text"),
    [
        ({"epochs": 0}, RecipeError, "epochs must be a whole number from 1; got 0."),
        ({"epochs": True}, RecipeError, "epochs must be a whole number from 1; got True."),
        ({"batch_size": 1.5}, RecipeError, "batch_size must be a whole number from 1; got 1.5."),
        ({"image_size": -1}, DataError, "image_size must be a whole number from 1; got -1."),
        ({"seed": -1}, RecipeError, f"{SEED}-1."),
        ({"seed": 2**32}, RecipeError, f"{SEED}4294967296."),
        ({"validation_split": 1}, DataError, "validation_split must be a share above 0 and below 1; got 1."),
        ({"precision": "half"}, RecipeError, "precision must be one of auto, float32, bfloat16; got 'half'."),
        ({"class_balance": "both"}, DataError, "class_balance must be sample or weights; got 'both'."),
        ({"max_unreadable": 1}, DataError, "max_unreadable must be a share from 0 to below 1; got 1."),
        (
            {"model": 50},
            RecipeError,
            "model must be the name of a network, a NetworkSpec or a Keras model; got 50.",
        ),
        (
            {"recipe": 50},
            RecipeError,
            "recipe must be the name of a recipe, a .toml file or a Recipe; got 50.",
        ),
        (
            {"time_budget": "1 hour"},
            RecipeError,
            'time_budget must be a time such as "90s", "10m" or "1h30m"; got \'1 hour\'.',
        ),
        (
            {"time_budget": "1m", "epochs": 3},
            RecipeError,
            "`epochs` and `time_budget` both say how long to train: give one of them.",
        ),
    ],
)
def test_a_wrong_argument_is_named(values, error, text):
    with pytest.raises(error) as caught:
        TrainOptions(**values)
    assert str(caught.value) == text
    with pytest.raises(error, match="must|both"):
        residual.train("there is no such data", **values)


def test_the_table_leaves_out_what_was_not_asked_and_is_read_back():
    options = TrainOptions(Path("photos"), epochs=3, search_dir=Path("here"))
    table = options.to_table()
    assert table["data"] == "photos"
    assert table["search_dir"] == "here"
    assert {"model", "image_size", "time_budget"}.isdisjoint(table)
    assert TrainOptions.from_table(table) == options


def test_a_recipe_and_a_network_are_recorded_by_their_names():
    spec = residual.NetworkSpec("mine", (1, 1), (16, 32), stem="cifar", stem_width=16)
    table = TrainOptions(recipe=SIGNS, model=spec).to_table()
    assert (table["recipe"], table["model"]) == ("signs", "mine")


def test_an_unknown_key_is_refused():
    with pytest.raises(RecipeError, match="train: unknown key sead; did you mean seed"):
        TrainOptions.from_table({"sead": 1})


@pytest.mark.parametrize(
    "call",
    [
        "residual.train('digits', precision='half')",
        "residual.train('digits', model='resnet51')",
        "residual.train('digits', recipe='ciphar')",
        "residual.train('digits', name='a/b')",
        "residual.train('no such folder')",
    ],
)
def test_a_mistake_is_refused_without_loading_keras(call):
    code = (
        "import sys, residual\n"
        f"try: {call}\n"
        "except residual.ResidualError as error: print(error)\n"
        "else: raise AssertionError('not refused')\n"
        "assert not {'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules), sorted(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1


def test_a_name_that_is_taken_is_refused_before_the_data_is_read():
    Path("runs/mine").mkdir(parents=True)
    Path("runs/mine/notes.txt").write_text("mine")
    with pytest.raises(ResidualError, match="runs/mine exists already"):
        residual.train("there is no such data", name="mine")


def test_the_data_of_a_run_of_version_0_1_is_known_again(tmp_path):
    shutil.copy(Path(__file__).parents[1] / "runs" / "run_0_1.toml", tmp_path / "run.toml")
    job = reload_job(RunFolder(tmp_path))
    assert (job.options.class_balance, job.recipe.epochs, job.spec.name) == ("sample", 6, "cifar-resnet8")
    assert (len(job.split.train), len(job.split.validation)) == (1295, 143)
    assert len(job.training.train) >= len(job.split.train)
    split = reload_split(RunFolder(tmp_path))
    assert (split.validation.digests == job.split.validation.digests).all()


def test_a_folder_that_did_not_hold_the_data_is_not_searched_again(tmp_path):
    """A run on drawn hands keeps the folder in which SIGNS was searched for and not found."""
    record = SimpleNamespace(train={"data": "signs", "search_dir": str(tmp_path)})
    assert _reload_options(record).search_dir is None
    for name in ("train_signs.h5", "test_signs.h5"):
        (tmp_path / name).touch()
    assert _reload_options(record).search_dir == str(tmp_path)


def test_the_options_are_picked_from_the_arguments_of_a_function():
    options = TrainOptions.pick({"data": "signs", "epochs": 3, "name": "first", "progress": True})
    assert options == TrainOptions("signs", epochs=3)
