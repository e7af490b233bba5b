"""A plan: the curve through short trainings, what it is based on, and what is refused."""

import itertools
import json
from dataclasses import replace
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

import residual
from residual.cli import app
from residual.cli.plan import _print
from residual.errors import DataError, RecipeError
from residual.training import plan as planning
from residual.training import short_trainings
from residual.training.find_recipe import choose_recipe
from residual.training.forecast import Forecast
from residual.training.learning_curve import LearningCurve, Point
from residual.training.measured import list_recipes_for, read_measured
from residual.training.options import TrainOptions
from residual.training.recipes import RECIPES
from residual.training.short_trainings import Timed, choose_lengths
from tests.support.made import quiet, striped

POINTS = (Point(2, 53, 96), Point(4, 77, 96), Point(8, 90, 96))
FORECAST = Forecast(
    step_seconds=0.1, compile_seconds=1, epoch_seconds=2, before_seconds=3, after_seconds=1, memory=None
)


def timed(**values) -> Timed:
    return Timed(replace(FORECAST, **values), None)  # type: ignore[arg-type]


def test_the_curve_follows_its_points_and_rises():
    curve = LearningCurve(POINTS, 6)
    for point in POINTS:
        assert curve.predict(point.epochs).likely == pytest.approx(point.accuracy, abs=0.05)
    found = [curve.predict(epochs) for epochs in range(1, 60)]
    assert all(a.likely <= b.likely for a, b in itertools.pairwise(found))
    assert all(one.low < one.likely < one.high <= 1 for one in found)


def test_the_range_widens_beyond_the_points():
    curve = LearningCurve(POINTS, 6)
    errors = [(1 - curve.predict(e).low) / (1 - curve.predict(e).high) for e in (8, 16, 32)]
    assert errors[0] < errors[1] < errors[2]


def test_epochs_are_the_fewest_that_reach_the_target():
    curve = LearningCurve(POINTS, 6)
    likely, safe = curve.find_epochs(0.95, 100), curve.find_safe_epochs(0.95, 200)
    assert likely is not None
    assert curve.predict(likely).likely >= 0.95 > curve.predict(likely - 1).likely
    assert safe is None or safe > likely
    assert curve.find_epochs(0.95, likely - 1) is None


def test_an_anchor_ends_the_curve():
    curve = LearningCurve(POINTS, 6, Point(20, 118, 120))
    assert curve.predict(20).likely == pytest.approx(118 / 120)
    assert curve.predict(40).likely == pytest.approx(118 / 120), "nobody measured more"
    assert curve.predict(8).likely < curve.predict(14).likely < curve.predict(20).likely


@pytest.mark.parametrize("points", [(Point(1, 50, 50), Point(2, 50, 50)), (Point(1, 0, 50), Point(2, 1, 50))])
def test_points_at_the_ends_of_the_scale_give_a_curve(points):
    found = LearningCurve(points, 3).predict(8)
    assert 0 <= found.low <= found.likely <= found.high <= 1


def test_what_recipes_reached_is_read_from_their_table():
    signs = read_measured(RECIPES["signs"])
    assert signs is not None
    assert (signs.accuracy, signs.images, signs.epochs) == (0.983, 120, 20)
    assert read_measured(RECIPES["images"]) is None, "measured on other data than it is used for"
    assert read_measured(RECIPES["linear-probe"]) is None
    named = list_recipes_for(TrainOptions(data="cifar10"))
    assert [recipe.name for recipe in named][:2] == ["cifar10", "cifar10-56"]


@pytest.mark.parametrize(
    "options",
    [
        TrainOptions(data="photos"),
        TrainOptions(data="./cifar10"),
        TrainOptions(data=striped()),
        TrainOptions(data="cifar10", image_size=16),
    ],
)
def test_no_recipe_was_measured_on_other_data(options):
    assert list_recipes_for(options) == []


def test_a_recipe_with_another_network_was_not_measured():
    unchanged, _ = choose_recipe(TrainOptions(data="cifar10", model="cifar-resnet20"), "cifar10")
    changed, _ = choose_recipe(TrainOptions(data="cifar10", model="cifar-resnet8"), "cifar10")
    assert read_measured(unchanged) is not None
    assert read_measured(changed) is None


class Asked(NamedTuple):
    options: TrainOptions


def test_the_recipe_that_came_nearest_is_taken_if_none_reached_it():
    asked = Asked(TrainOptions(data="cifar10"))
    reached = {recipe.name for recipe in planning._list_able(asked, 0.87)}  # type: ignore[arg-type]
    assert {"cifar10", "cifar10-fast"} <= reached
    best = max(
        (recipe for recipe in list_recipes_for(asked.options) if read_measured(recipe)),
        key=lambda recipe: read_measured(recipe).accuracy,  # type: ignore[union-attr]
    )
    assert planning._list_able(asked, 0.999) == [best]  # type: ignore[arg-type]


def test_short_trainings_fill_their_time():
    assert choose_lengths(timed(), 60, 20) == [2, 4, 8]
    assert choose_lengths(timed(), 1000, 20) == [2, 4, 8], "at most half of the recipe's epochs"
    assert choose_lengths(timed(epoch_seconds=30), 60, 38) == [0.25, 0.5, 1]
    with pytest.raises(RecipeError, match="`probe_budget` of 3 s is too short: the shortest trainings take"):
        choose_lengths(timed(), 3, 20)


def test_a_target_out_of_sight_is_said():
    said = planning._explain(0.99, read_measured(RECIPES["signs"]), 20)
    assert said == (
        "99.0% is beyond what the recipe was measured to reach, 98.3% of 120 test images in 20 epochs"
    )
    assert "not predicted for any training of up to 40 epochs" in planning._explain(0.99, None, 40)


def test_a_plan_of_small_images(tmp_path, monkeypatch):
    """The whole way: short trainings, what is printed, JSON, and no run."""
    monkeypatch.setattr(short_trainings, "_LENGTHS", 2)
    recipe = RECIPES["digits"].in_epochs(4)
    found = residual.plan(
        striped(), "60%", recipe=recipe, validation_split=0.3, probe_budget="10m", progress=False
    )
    assert [(point.epochs, point.images) for point in found.points] == [(1, 30), (2, 30)]
    assert found.longest == 8
    assert (found.epochs is None) == bool(found.reason)
    assert found.measured is None
    values = json.loads(json.dumps(found.to_dict()))
    assert values["points"][1]["accuracy"] == found.points[1].accuracy
    assert 0 <= values["prediction"]["low"] <= values["prediction"]["high"] <= 1
    shown = quiet()
    known = replace(found, epochs=3, seconds=12.0, safe_epochs=None, safe_seconds=None)
    _print(shown, known, "residual train stripes.npz --recipe digits")
    said = shown.file.getvalue()  # type: ignore[attr-defined]
    assert (
        "2 trainings of up to 2 epochs, 30 validation images; nobody measured this recipe on this data"
        in said
    )
    assert "digits in 3 epochs, 12 s on this machine" in said
    assert "no length in sight, for 60.0% in nine of ten cases" in said
    assert "residual train stripes.npz --recipe digits --epochs 3" in said
    assert not (tmp_path / "runs").exists()


def test_what_a_plan_chooses_is_not_asked():
    with pytest.raises(RecipeError, match="leave out `epochs`"):
        residual.plan(striped(), epochs=3, progress=False)
    with pytest.raises(DataError, match="target must be a share such as 99% or 0.99"):
        residual.plan(striped(), "high", progress=False)
    with pytest.raises(RecipeError, match='probe_budget must be a time such as "90s"'):
        residual.plan(striped(), 0.9, probe_budget="soon", progress=False)
    result = CliRunner().invoke(app, ["plan", "digits", "--target", "200%"])
    assert result.exit_code == 2


def test_the_command_of_a_plan_has_the_options_that_were_given(monkeypatch):
    import residual.cli.plan as verb

    asked = [
        "my photos",
        "--target",
        "9%",
        "--model",
        "cifar-resnet8",
        "--size",
        "16",
        "--recipe",
        "own.toml",
    ]
    said = []
    monkeypatch.setattr("residual._verbs.plan.check_plan", lambda *a: None)
    monkeypatch.setattr("residual._verbs.plan.plan_training", lambda *a: Planned())
    monkeypatch.setattr(verb, "api", lambda out: None)
    monkeypatch.setattr(verb, "_print", lambda out, found, command: said.append(command))
    assert CliRunner().invoke(app, ["plan", *asked], catch_exceptions=False).exit_code == 0
    assert said == ["residual train 'my photos' --recipe own.toml --model cifar-resnet8 --size 16"]
    assert CliRunner().invoke(app, ["plan", "digits", "--target", "9%"]).exit_code == 0
    assert said[1] == "residual train digits --recipe found"


class Planned(NamedTuple):
    recipe: str = "found"
    epochs: int = 3
