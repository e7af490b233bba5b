"""run.toml: read, written, and converted from version 0.1."""

import subprocess
import sys
import tomllib
from pathlib import Path

import msgspec
import pytest

from residual.errors import RunError
from residual.runs.folder import RunFolder
from residual.runs.record import RunRecord, convert_version_0_1, parse_record
from residual.training.options import TrainOptions
from residual.training.recipe import Recipe
from residual.training.recipes import DIGITS
from tests.support.run_folders import written

OLD = Path(__file__).with_name("run_0_1.toml")  # written by version 0.1: digits, --size, --balance, --budget


def test_a_record_round_trips():
    record = RunFolder(written("mine")).record
    assert parse_record(record.to_toml()) == record
    assert record.fastest is None
    assert parse_record(msgspec.structs.replace(record, fastest={"a": "keras"}).to_toml()).fastest == {
        "a": "keras"
    }


def test_a_file_of_version_0_1_is_converted():
    record = parse_record(OLD.read_text("utf-8"))
    options = TrainOptions.from_table(record.train)
    asked = (options.data, options.image_size, options.seed, options.class_balance, options.time_budget)
    assert asked == ("digits", 24, 0, "sample", "50s")
    assert (options.validation_split, options.precision, record.precision) == (0.1, "float32", "float32")
    assert (record.data.hash_style, record.fastest) == ("", None)
    assert len(record.data.data_sha256) == 64
    assert Recipe.from_table(record.recipe).optimizer == DIGITS.optimizer
    assert record.network.spec["blocks"] == [1, 1, 1]
    assert parse_record(record.to_toml()) == record


def test_options_that_version_0_1_did_not_write_are_the_usual_ones():
    table = tomllib.loads(OLD.read_text("utf-8"))
    for name in ("budget", "balance"):
        del table[name]
    del table["data"]["size"]
    options = TrainOptions.from_table(convert_version_0_1(table)["train"])
    usual = TrainOptions(model="cifar-resnet8", recipe="digits", precision="float32")
    assert options == usual


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("seed = 3", r"missing required field 'source' - at '\$.data'"),
        ("train = 3", r"Expected 'object', got 'int' - at '\$.train'"),
        ("[train]\nseed = 3", "missing required field 'started'"),
        ("[network]\nname = 3", r"Expected 'str', got 'int' - at '\$.network.name'"),
    ],
)
def test_a_file_that_is_not_whole_says_what_is_missing(text, says):
    with pytest.raises(RunError, match=says):
        parse_record(text)


def test_a_record_must_say_which_data():
    for old, new in (('asked = "digits"', ""), ('asked = "digits"', "asked = 3")):
        with pytest.raises(RunError, match=r"missing required field 'data' - at '\$.train'"):
            parse_record(OLD.read_text("utf-8").replace(old, new))


def test_a_wrong_type_is_named():
    text = OLD.read_text("utf-8").replace("train_images = ", 'train_images = "many" # ')
    with pytest.raises(RunError, match=r"Expected 'int', got 'str' - at '\$.data.train_images'"):
        parse_record(text)


def test_the_package_loads_no_array_library():
    code = (
        "import sys, residual.runs.checkpoints as c\n"
        "import residual.runs.folder, residual.runs.history, residual.runs.record\n"
        "heavy = {'keras', 'tensorflow', 'jax', 'torch', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_fields_of_a_record_are_the_tables_of_the_file():
    assert [field.name for field in msgspec.structs.fields(RunRecord)] == [
        *("started", "precision", "train", "data", "network", "recipe", "machine", "fastest")
    ]
