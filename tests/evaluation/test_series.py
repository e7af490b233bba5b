"""Series of runs: mean, spread and interval, and the comparison of two."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import residual
from residual.cli import app
from residual.errors import RunError
from residual.evaluation.series import find_reach, summarize_series, summarize_spread
from residual.runs.series import SeriesRecord, find_series, is_complete, read_series, write_series
from tests.support.run_folders import right, written


def write(name: str, wrong: tuple[int, ...], kind: str = "seeds", **asked) -> SeriesRecord:
    """A series of finished runs with so many mistakes on 40 test images, and on 144 validation images."""
    word, runs = kind.removesuffix("s"), []
    for number, count in enumerate(wrong, 1):
        runs.append(f"{name}-{word}{number}")
        path = written(runs[-1], right=right(40, *range(count)), validation=(144 - count, 144), seed=number)
        for file in ("curves.png", "confusion.png"):
            (path / file).write_bytes(b"")
    record = SeriesRecord(name=name, kind=kind, asked={"data": "digits", **asked}, runs=tuple(runs))
    write_series(record)
    return record


def test_mean_spread_and_the_interval_of_student():
    found = summarize_spread([0.9, 0.92, 0.94, 0.96, 0.98], [100] * 5)
    assert found.mean == pytest.approx(0.94)
    assert found.deviation == pytest.approx(np.std([0.9, 0.92, 0.94, 0.96, 0.98], ddof=1))
    assert found.interval[1] - found.mean == pytest.approx(2.7764 * found.deviation / 5**0.5, rel=1e-4)
    assert find_reach(0.1, 1) == float("inf")
    assert summarize_spread([0.5], [10]).interval == (0.0, 1.0)


def test_folds_are_counted_together_and_seeds_are_not():
    folds = summarize_series(write("parts", (1, 3, 2), "folds"))
    assert folds["validation"]["pooled"] == pytest.approx((3 * 144 - 6) / (3 * 144))
    assert folds["test"]["pooled"] is None  # the same test images each time
    seeds = summarize_series(write("many", (1, 2)))
    assert (seeds["finished"], seeds["of"], seeds["validation"]["pooled"]) == (2, 2, None)
    assert seeds["test"]["values"] == pytest.approx((39 / 40, 38 / 40))


def test_a_series_is_found_by_name_and_a_run_is_complete_when_its_test_images_were_read():
    write("one", (1, 2))
    assert find_series("one").runs == ("one-seed1", "one-seed2")
    assert find_series("two") is None
    assert is_complete("one-seed1")
    written("half", validation=None)
    assert not is_complete("half")
    assert not is_complete("nothing")


def test_series_are_compared_by_the_means_of_their_runs():
    write("one", (8, 9, 10, 9), model="cifar-resnet8")
    write("two", (2, 3, 4, 3), model="cifar-resnet20")
    found = residual.compare_runs("one", "two")
    test = next(one for one in found.against_first if one.split == "test")
    assert test.value == pytest.approx(6 / 40)
    assert test.beyond_chance
    assert test.paired
    assert found.settings == {"model": ("cifar-resnet8", "cifar-resnet20")}
    result = CliRunner().invoke(app, ["runs", "compare", "one", "two"])
    assert result.exit_code == 0
    assert "two minus one: +15.0 points" in result.stdout
    assert "compared run by run): more than chance" in result.stdout
    printed = json.loads(CliRunner().invoke(app, ["runs", "compare", "one", "two", "--json"]).stdout)
    assert [one["split"] for one in printed["against_first"]] == ["validation", "test"]


def test_other_numbers_of_runs_are_compared_as_groups():
    write("one", (8, 9, 10, 3))
    write("two", (7, 12, 5))
    (_, test) = residual.compare_runs("one", "two").against_first
    assert (test.paired, test.beyond_chance, test.runs) == (False, False, (4, 3))


def test_what_cannot_be_compared():
    write("one", (1, 2))
    write("short", (1,))
    written("alone", right=right(40))
    for names, message in (
        (("one", "alone"), "Series can be compared with series only; alone is none"),
        (("one", "one"), "Name two or more different series"),
        (("one", "short"), "short has 1 finished run of 1: at least two are needed"),
    ):
        with pytest.raises(RunError, match=message):
            residual.compare_runs(*names)


def test_a_damaged_file_is_one_message(tmp_path):
    file = tmp_path / "runs" / "x-seeds.json"
    file.parent.mkdir()
    for text in ("{", '{"name": 3}', '{"name": "x", "kind": "both", "asked": {}, "runs": []}'):
        file.write_text(text)
        with pytest.raises(RunError, match="is not the file of a series"):
            read_series(file)
