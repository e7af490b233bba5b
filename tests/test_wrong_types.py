"""Arguments of another type are refused in one short sentence that names them."""

from pathlib import Path

import numpy as np
import pytest

import residual
from residual.errors import ResidualError

ARRAY = np.zeros((80, 32, 32, 3), np.uint8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: residual.train((ARRAY, np.zeros(80))), "data, train: there must be at least two classes"),
        (lambda: residual.train(ARRAY), "data must be the name of a data set, a path, a Dataset, arrays"),
        (lambda: residual.train("digits", name=5), "name must be made of letters"),
        (lambda: residual.load_data(3), "data must be the name of a data set or a path; got 3"),
        (lambda: residual.audit(ARRAY), "data must be the name of a data set or a path; got array"),
        (
            lambda: residual.predict("first", ARRAY[..., 0]),
            "images must be arrays of numbers .height, width, 3. or",
        ),
        (lambda: residual.predict("first", 5), "images must be paths of image files or folders"),
        (lambda: residual.build(5), "network must be the name of a network or a NetworkSpec; got 5"),
        (lambda: residual.build("resnet50", 32), "input_shape must be .height, width, 3., such as"),
        (lambda: residual.build("resnet50", classes=0), "classes must be a whole number from 1; got 0"),
        (lambda: residual.open_run(3), "A run must be named by its name or its folder; got 3"),
        (lambda: residual.compare_runs(["a", "b"]), "A run must be named by its name or its folder"),
        (lambda: residual.load_data("photos", search_dir="gone"), "There is no folder gone to search"),
    ],
)
def test_a_wrong_type_is_one_short_message(call, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ResidualError, match=f"^{message}") as caught:
        call()
    assert len(str(caught.value)) < 300


def test_a_data_set_has_a_short_repr():
    data = residual.load_data("digits")
    assert repr(data) == "Dataset('digits', train 1,438, test 359, 16x16 pixels, 10 classes)"
    assert repr(data.train) == "Images(1438x16x16x3)"


def test_a_message_names_the_newest_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in range(10):
        Path(f"runs/r{number}").mkdir(parents=True)
        Path(f"runs/r{number}/run.toml").touch()
    with pytest.raises(ResidualError, match="Runs here: .* and 2 more"):
        residual.open_run("other")


def test_a_run_takes_no_classes_and_no_pixels(tmp_path, monkeypatch):
    from tests.support.made import QUICK, quiet, save_npz, striped, train_on

    monkeypatch.chdir(tmp_path)
    run = train_on(quiet(), save_npz(tmp_path / "s.npz", striped()), recipe=QUICK, precision="float32")
    for extra in ({"classes": ["a"]}, {"pixels": "0-2"}):
        with pytest.raises(ResidualError, match="which knows its classes and pixels"):
            residual.evaluate(run, **extra)
