"""Runs side by side: what differed, the same images or others, and two trainings compared for real."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from rich.console import Console
from typer.testing import CliRunner

import residual
from residual.augment import Flip, Shift
from residual.cli import app
from residual.data.digests import write_digests
from residual.errors import DataError, RunError
from residual.evaluation.compare_text import format_points, print_comparison
from residual.evaluation.significance import compare_unpaired
from residual.evaluation.test_predictions import load_predictions
from residual.training.recipes import DIGITS
from residual.training.schedules import Constant
from tests.support.made import QUICK, stripes
from tests.support.run_folders import right, written

SIDE_BY_SIDE = """\
what differed     a                              b
network           cifar-resnet8                  cifar-resnet14
epochs            15                             20
schedule          one-cycle peak=0.004           constant rate=0.01
                  warmup=0.25
augment           shift pixels=1 fill=edge       none
seed              0                              1

results           a                         b
validation        97.9% of 144 (94.1-99.3)  93.8% of 144 (88.5-96.7)
test              85.8% of 120 (78.5-91.0)  95.0% of 120 (89.5-97.7)
epochs            15 of 15, kept 15         20 of 20, kept 20
training time     0:14                      0:14
state             finished                  finished

b against a
validation -4.2 points (95% interval -9.5 to +0.7): within chance
test       +9.2 points (95% interval +2.4 to +16.5): more than chance
           on the same 120 images; exact McNemar p = 0.013
           b right where a was wrong: 14
           the other way round: 3"""


@pytest.fixture
def two():
    """a has 103 of 120 right, b 114; b is right on 14 where a is wrong, a on 3 where b is."""
    written("a", right=right(120, *range(17)))
    other = replace(DIGITS, epochs=20, schedule=Constant(0.01), augment=())
    wrong = right(120, 14, 15, 16, 20, 21, 22)
    written(
        "b", network="cifar-resnet14", recipe=other, seed=1, epochs=20, validation=(135, 144), right=wrong
    )


def printed(*names: str, width: int | None = 80) -> str:
    console = Console(file=io.StringIO(), width=width or 10_000)
    print_comparison(residual.compare_runs(*names), console, width=width)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def test_side_by_side_at_80_columns(two):
    assert printed("a", "b") == SIDE_BY_SIDE


def test_what_differed_and_the_figures(two):
    found = residual.compare_runs("a", "runs/b")
    assert list(found.settings) == ["network", "epochs", "schedule", "augment", "seed"]
    assert found.settings["seed"] == (0, 1)
    assert [run.test for run in found.runs] == [(103, 120), (114, 120)]
    (against,) = found.against_first
    assert (against.test.only_second, against.test.only_first) == (14, 3)
    assert against.test.p == pytest.approx(2 * 834 / 2**17)
    assert against.validation == compare_unpaired((141, 144), (135, 144))


def test_runs_that_do_not_differ():
    for name in ("a", "b"):
        written(name, right=right(120, 1), report={"weights_sha256": "the same"})
    text = printed("a", "b")
    assert text.startswith("what differed     nothing in what was asked, data, versions or machine\n")
    assert "the weights are the same to the last bit" in text
    assert "test       0.0 points (95% interval -3.4 to +3.4): within chance" in text
    assert "exact McNemar p = 1.00" in text
    assert text.endswith("these images do not show which of the two is better")


def test_augmentations_data_and_what_only_one_has():
    written("a", right=right(9))
    written(
        "b",
        data="signs",
        recipe=replace(DIGITS, augment=(Flip(), Shift(2))),
        right=right(9),
        report={"resumed": [{"step": 7}]},
    )
    found = residual.compare_runs("a", "b").settings
    assert list(found) == ["data", "test fingerprint", "augment", "times resumed"]
    assert found["times resumed"] == (0, 1)
    assert "flip, shift pixels=2" in printed("a", "b")


def _with_images(name: str, seed: int, *digests: int) -> None:
    path = written(name, right=right(9), seed=seed, report={"data_sha256": f"of {name}"})
    write_digests(path / "training_digests.npy", np.array(digests, np.uint64).reshape(-1, 2))


def test_another_split_of_the_same_images_is_no_other_data():
    """The hash of the data counts which images are validation images, which the seed decides."""
    _with_images("a", 0, 1, 2, 3, 4)
    _with_images("b", 1, 3, 4, 1, 2)
    _with_images("c", 1, 3, 4, 1, 9)
    _with_images("d", 0, 1, 2, 3, 4)
    assert list(residual.compare_runs("a", "b").settings) == ["seed"]
    assert list(residual.compare_runs("a", "c").settings) == ["data hash", "seed"]
    assert list(residual.compare_runs("a", "d").settings) == ["data hash"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            lambda: Path("runs/b/test_predictions.csv").unlink(),
            "b saved no predictions (residual evaluate b saves them)",
        ),
        (lambda: _fingerprint("runs/b"), "they were evaluated on different test images"),
        (
            lambda: _replaced("runs/b/run.toml", 'hash_style = "blake2b of each image"', ""),
            "one of them is of version 0.1, which hashed its test images in another way",
        ),
        (
            lambda: _replaced("runs/b/test_predictions.csv", "119,dog,dog", "119,dog,cat"),
            "are not those of the reports",
        ),
        (
            lambda: _replaced("runs/b/test_predictions.csv", "119,dog,dog", "119,cat,cat"),
            "are not those of the reports",
        ),
    ],
)
def test_without_the_same_images_the_accuracies_are_compared(two, change, why):
    change()
    (against,) = residual.compare_runs("a", "b").against_first
    assert why in against.why_unpaired
    assert against.test == compare_unpaired((103, 120), (114, 120))
    assert f"{'':11}compared as two sets of images:\n{'':11}{against.why_unpaired}" in printed(
        "a", "b", width=None
    )


def _fingerprint(run: str) -> None:
    _replaced(f"{run}/run.toml", 'test_fingerprint = "of digits"', 'test_fingerprint = "of others"')


def _replaced(file: str, before: str, after: str) -> None:
    text = Path(file).read_text()
    assert before in text
    Path(file).write_text(text.replace(before, after))


def test_three_runs_share_the_risk(two):
    written("c", right=right(120, *range(12)))
    found = residual.compare_runs("a", "b", "c")
    assert [against.name for against in found.against_first] == ["b", "c"]
    assert [against.test.level for against in found.against_first] == pytest.approx([0.975, 0.975])
    text = printed("a", "b", "c")
    assert "2 comparisons share the 5% risk of a false alarm: each is held to 2.5%." in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_run_that_was_not_judged_says_what_to_type(two):
    written("raw", right=None)
    written("cut-off", validation=None, epochs=0)
    assert "test       raw was not evaluated on test images: residual evaluate raw" in printed("a", "raw")
    assert "validation cut-off was not evaluated on validation images\n" in printed("a", "cut-off")


def test_runs_of_one_name_go_by_their_folders(two):
    written("a", root="elsewhere", right=right(120))
    assert [run.name for run in residual.compare_runs("a", "elsewhere/a").runs] == ["runs/a", "elsewhere/a"]
    assert residual.compare_runs("a", "b", folder="elsewhere").runs[0].test == (120, 120)


def test_mistakes(two):
    with pytest.raises(RunError, match="two or more different runs to compare; got a."):
        residual.compare_runs("a")
    with pytest.raises(RunError, match="two or more different runs to compare; got a, runs/a."):
        residual.compare_runs("a", "runs/a")
    with pytest.raises(RunError, match="There is no run or model 'c'. Runs here: a, b."):
        residual.compare_runs("a", "c")
    _replaced("runs/a/run.toml", "[machine]", "[engine]")
    with pytest.raises(RunError, match=r"runs/a/run.toml is incomplete or damaged: .*'machine'"):
        residual.compare_runs("a", "b")
    _replaced("runs/a/run.toml", "[engine]", "[machine]")
    Path("runs/a/report.json").write_text("{")
    with pytest.raises(RunError, match=r"runs/a/report.json cannot be read"):
        residual.compare_runs("a", "b")


@pytest.mark.parametrize("content", ["", "image,label\n", "image,true,predicted,confidence\n1,cat\n"])
def test_damaged_predictions_are_named(two, content):
    Path("runs/a/test_predictions.csv").write_text(content)
    with pytest.raises(
        DataError, match=r"runs/a/test_predictions.csv must have the columns image, true, predicted"
    ):
        residual.compare_runs("a", "b")


def test_points_have_the_digits_of_the_images():
    assert format_points(compare_unpaired((9000, 10_000), (9123, 10_000)), 10_000).startswith("+1.23 points")
    assert format_points(compare_unpaired((9, 10), (9, 10)), 10) == "0.0 points (95% interval -31.5 to +31.5)"


def test_the_command_and_its_json(two):
    result = CliRunner().invoke(app, ["runs", "compare", "a", "b", "--json"])
    found = json.loads(result.stdout)
    assert found["differed"]["schedule"][1] == {"kind": "constant", "rate": 0.01}
    assert found["against_first"][0]["test"]["only_second"] == 14
    assert found["runs"][1]["test"]["interval"] == pytest.approx([0.895, 0.977], abs=5e-4)
    Path("runs").rename("others")
    result = CliRunner().invoke(app, ["runs", "--in", "others", "compare", "a", "b"])
    assert result.exit_code == 0
    assert "the other way round: 3" in result.stdout
    result = CliRunner().invoke(app, ["runs", "compare", "a", "b"])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


def test_two_trainings_compared(tmp_path):
    train, test = stripes(96, 0), stripes(60, 1)
    np.savez(tmp_path / "s.npz", x_train=train.x, y_train=train.y, x_test=test.x, y_test=test.y)
    scores = {}
    for name, rate in (("slow", 1e-6), ("quick", 3e-3)):
        run = residual.train(
            "s.npz", recipe=replace(QUICK, epochs=3, schedule=Constant(rate)), name=name, progress=False
        )
        scores[name] = run.evaluate()
        kept = load_predictions(run.folder.path)
        assert kept.true == [run.classes[label] for label in test.y]
        assert int(kept.right.sum()) == scores[name].correct
    found = residual.compare_runs("slow", "quick")
    assert list(found.settings) == ["schedule"]
    (against,) = found.against_first
    assert against.test.paired
    gained = against.test.only_second - against.test.only_first
    assert gained == scores["quick"].correct - scores["slow"].correct > 0


def test_a_run_of_version_0_1_is_compared():
    written("old", right=right(120, 1), version_0_1=True, seed=1)
    written("new", right=right(120, 1))
    found = residual.compare_runs("old", "new")
    assert found.settings["seed"] == (1, 0)
    assert found.settings["hash style"] == ("version 0.1", "blake2b of each image")
    assert "data" not in found.settings


def test_a_comparison_shows_itself(two):
    found = residual.compare_runs("a", "b")
    assert repr(found) == "Comparison of a, b: 5 settings differ"
    assert "b right where a was wrong: 14" in str(found)
    assert found._repr_html_().startswith("<pre style=")


def test_a_difference_that_chance_hardly_gives():
    written("a", right=right(200, *range(30)))
    written("b", right=right(200))
    assert "on the same 200 images; exact McNemar p < 0.0001" in printed("a", "b")
