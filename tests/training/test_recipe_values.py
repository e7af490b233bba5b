"""Values of a recipe changed by name, and recipe files that build on another recipe."""

from pathlib import Path

import pytest

from residual.augment import Flip
from residual.errors import RecipeError
from residual.training.find_recipe import load_recipe
from residual.training.recipe_values import change_table, parse_values
from residual.training.recipes import IMAGES, Recipe
from residual.training.schedules import Constant, OneCycle


def changed(*assignments: str) -> Recipe:
    return Recipe.from_table(change_table(IMAGES.to_table(), parse_values(assignments)))


def test_values_are_written_as_in_toml():
    values = parse_values(["epochs=5", "schedule.peak = 0.1", "optimizer=sgd", 'keep="last"', "augment=[]"])
    assert values == {"epochs": 5, "schedule.peak": 0.1, "optimizer": "sgd", "keep": "last", "augment": []}


def test_a_changed_recipe_differs_in_that_alone():
    found = changed("schedule.peak=0.1", "epochs=5", "optimizer=sgd")
    assert (found.schedule, found.epochs, found.optimizer) == (OneCycle(peak=0.1), 5, "sgd")
    assert (found.augment, found.weight_decay, found.expected) == (IMAGES.augment, IMAGES.weight_decay, "")


def test_a_table_of_another_kind_takes_nothing_from_the_old_one():
    assert changed("schedule.kind=constant", "schedule.rate=0.01").schedule == Constant(0.01)


def test_lists_are_replaced_as_a_whole():
    assert changed('augment=[{kind = "flip"}]').augment == (Flip(),)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("epochs", "`changes` must be like schedule.peak=0.01; got 'epochs'"),
        ("=3", "`changes` must be like"),
        ("epochs=", "`changes` must be like"),
        ("epoch=3", "recipe: unknown key epoch; did you mean epochs.$"),
        (
            "optimizer.rate=0.1",
            "optimizer of the recipe has no rate: it is 'adamw'. .* schedule.kind, schedule.peak",
        ),
        ("schedule.rate=0.1", "schedule one-cycle: unknown key rate; allowed are peak, warmup"),
        ("schedule.peak=high", "peak must be a number from 0; got 'high'"),
        ("epochs=0", 'epochs must be a whole number from 1, or 0 with the head "fitted"; got 0'),
        ("schedule=0.1", "schedule: must be a table"),
    ],
)
def test_what_cannot_be_set_is_refused(assignment, message):
    with pytest.raises(RecipeError, match=message):
        changed(assignment)


def test_a_value_and_a_part_of_it_cannot_both_be_set():
    with pytest.raises(RecipeError, match="cannot both be set"):
        changed("schedule=3", "schedule.peak=1")


def test_a_file_builds_on_a_recipe():
    Path("slow.toml").write_text('base = "images"\nepochs = 7\n[schedule]\npeak = 0.5\n')
    found = load_recipe("slow.toml")
    assert (found.name, found.epochs, found.schedule) == ("slow", 7, OneCycle(peak=0.5))
    assert (found.model, found.augment, found.expected) == (IMAGES.model, IMAGES.augment, "")


def test_a_base_that_is_unknown_is_refused():
    Path("slow.toml").write_text('base = "imges"\nepochs = 7\n')
    with pytest.raises(RecipeError, match=r"slow\.toml: base must be one of digits, .*; got 'imges'"):
        load_recipe("slow.toml")
