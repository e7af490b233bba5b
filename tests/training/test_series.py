"""`--seeds` and `--folds`: ordinary runs, a series that continues, folds that part no images with the same pixels."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import residual
from residual._verbs import series
from residual.cli import app
from residual.data.images import Images
from residual.data.splits import find_folds
from residual.errors import DataError, RunError
from residual.training.job import split_fold
from residual.training.options import TrainOptions
from tests.support.made import QUICK, save_npz, striped, stripes

WORDS = (
    "--model",
    "cifar-resnet8",
    "--epochs",
    "1",
    "--batch-size",
    "16",
    "--precision",
    "float32",
    "--quiet",
)


def train(*words: str, code: int = 0):
    result = CliRunner().invoke(app, ["train", "stripes.npz", *WORDS, *words])
    assert result.exit_code == code, result.output
    return result


def test_a_series_that_is_interrupted_continues(tmp_path, monkeypatch):
    save_npz(tmp_path / "stripes.npz", striped())
    trained, train_run = [], series.train_run

    def stop_at_second(options, *, name, **more):
        if name == "mine-fold2" and not trained.count("stop"):
            trained.append("stop")
            raise KeyboardInterrupt
        trained.append(name)
        return train_run(options, name=name, **more)

    monkeypatch.setattr(series, "train_run", stop_at_second)
    train("--folds", "2", "--name", "mine", code=130)
    first = (tmp_path / "runs/mine-fold1/model.keras").read_bytes()
    again = train("--folds", "2", "--name", "mine", "--json")
    assert trained == ["mine-fold1", "stop", "mine-fold2"]
    assert (tmp_path / "runs/mine-fold1/model.keras").read_bytes() == first
    printed = json.loads(again.stdout)
    assert printed == json.loads((tmp_path / "runs/mine-folds.json").read_text())
    summary = printed["summary"]
    assert (summary["finished"], summary["validation"]["n"], summary["test"]["n"]) == (2, [48, 48], [24, 24])
    assert summary["validation"]["pooled_interval"][0] < summary["validation"]["pooled"]
    runs = [residual.open_run(f"mine-fold{number}") for number in (1, 2)]
    assert [run.folder.record.train["fold"] for run in runs] == ["1/2", "2/2"]
    digests = [{tuple(row) for row in run.load_training_images().digests.tolist()} for run in runs]
    assert not digests[0] & digests[1]  # two parts: each trains on what the other validates on
    other = train("--folds", "2", "--name", "mine", "--seed", "3", code=2)
    assert "was asked for otherwise: seed was 0, now 3" in other.stderr
    assert train("--folds", "2", "--name", "mine").stdout.count("accuracy") >= 2


def test_seeds_follow_each_other_and_names_are_not_taken_from_others(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        series, "train_run", lambda options, **more: asked.append((options.seed, more["name"]))
    )
    (tmp_path / "runs/mine-seed12").mkdir(parents=True)
    options = TrainOptions(data=striped(), recipe=QUICK, seed=10)
    with pytest.raises(RunError, match=r"mine-seed12 exists already\. Choose another `name`"):
        series._begin(options, "mine", "seeds", 3)
    record = series._begin(options, "other", "seeds", 3)
    assert record.runs == ("other-seed11", "other-seed12", "other-seed13")
    assert [series._make_options(options, "seeds", i, 3).seed for i in range(3)] == [11, 12, 13]
    assert series._begin(options, None, "seeds", 2).name == "stripes-cifar-resnet8-1"
    assert series._begin(options, None, "folds", 2).name == "stripes-cifar-resnet8-2"


def test_mistakes():
    for words, message in (
        (("--seeds", "2", "--folds", "2"), "Give one of --seeds and --folds"),
        (("--seeds", "2", "--resume", "x"), "--resume finishes one run as it began"),
        (("--seeds", "2", "--name", "a/b"), "--name must be made of letters"),
    ):
        result = CliRunner().invoke(app, ["train", "digits", *words])
        assert (result.exit_code, message in result.stderr) == (2, True), result.output
    for value in (1, 2.5, "3", True):
        with pytest.raises(RunError, match="seeds must be a whole number of runs from 2 to 1000"):
            residual.train_series("digits", seeds=value)
    with pytest.raises(RunError, match="Give one of `seeds` and `folds`"):
        residual.train_series("digits")
    for fold in ("0/5", "6/5", "1/1", "2", "a/b"):
        with pytest.raises(DataError, match='fold must be a part such as "2/5"'):
            TrainOptions(fold=fold)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=12, max_size=60),
    st.integers(2, 4),
    st.integers(0, 99),
)
def test_folds_hold_every_image_once_and_part_no_equal_pixels(pairs, folds, seed):
    x = np.zeros((len(pairs), 2, 2, 3), np.uint8)
    x[:, 0, 0, 0] = [pixel for _, pixel in pairs]
    images = Images(x, np.array([label for label, _ in pairs]))
    if len({pixel for _, pixel in pairs}) < folds:
        with pytest.raises(DataError, match="folds must be at most the number of images"):
            find_folds(images, folds, seed)
        return
    found = find_folds(images, folds, seed)
    assert set(found.tolist()) == set(range(folds))
    for _, pixel in pairs:
        assert len(set(found[x[:, 0, 0, 0] == pixel].tolist())) == 1


def test_folds_keep_the_mixture_of_classes_and_leave_the_test_images_alone():
    data = striped()
    parts = [split_fold(data, fold, 4, 0) for fold in range(4)]
    assert [np.bincount(part.validation.y).tolist() for part in parts] == [[8, 8, 8]] * 4
    assert all(part.test is data.test for part in parts)
    together = np.concatenate([part.validation.digests for part in parts])
    assert sorted(map(tuple, together.tolist())) == sorted(map(tuple, data.train.digests.tolist()))


def test_validation_images_of_the_data_take_part_in_the_folds():
    from dataclasses import replace

    data = replace(striped(), validation=stripes(24, 9), groups=np.arange(96))
    parts = [split_fold(data, fold, 3, 0) for fold in range(3)]
    assert sum(len(part.validation) for part in parts) == 120
