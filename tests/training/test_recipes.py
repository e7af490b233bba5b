"""Recipes: through TOML and back, by name and by file, and what their errors say."""

import tomllib

import numpy as np
import pytest
import tomli_w
from msgspec.structs import replace

from residual.augment import Affine, CutMix, Cutout, Flip, Light, Mixup, RandAugment, Shift
from residual.errors import RecipeError
from residual.models import zoo
from residual.training.find_recipe import load_recipe
from residual.training.recipe import Recipe, find_differences
from residual.training.recipes import (
    CIFAR10,
    DIGITS,
    IMAGES,
    NOTEBOOK_A,
    NOTEBOOK_D,
    NOTEBOOK_E,
    RECIPES,
    SIGNS,
)
from residual.training.schedules import Constant, Steps

CUSTOM = Recipe(
    name="custom",
    about='quotes " and\nlines, ünïcode',
    model="resnet18",
    epochs=1,
    batch_size=7,
    optimizer="sgd",
    schedule=Steps(((0, 1), (3, 5e-7))),
    batch_norm=0.5,
    normalization="mean-image",
    augment=(
        *(Flip(), Shift(2, "zero"), Light(0.1, 0.3), Affine(20, 0.2, 0.1), Flip()),
        *(RandAugment(2, 9), Cutout(8), Mixup(0.2), CutMix(1.0)),
    ),
    keep="last",
    expected="nothing",
)


@pytest.mark.parametrize("one", [*RECIPES.values(), CUSTOM], ids=lambda r: r.name)
def test_round_trip_through_toml_text(one):
    text = tomli_w.dumps({"recipe": one.to_table()})
    assert Recipe.from_table(tomllib.loads(text)["recipe"]) == one


@pytest.mark.parametrize("one", RECIPES.values(), ids=lambda r: r.name)
def test_every_recipe_names_a_network_that_there_is(one):
    assert zoo.find_spec(one.model).name == one.model
    assert RECIPES[one.name] is one
    assert one.about


@pytest.mark.parametrize("wrapped", [True, False])
def test_recipe_from_a_file(tmp_path, wrapped):
    file = tmp_path / "mine.toml"
    table = {"recipe": CUSTOM.to_table(), "seed": 3} if wrapped else CUSTOM.to_table()
    file.write_text(tomli_w.dumps(table), "utf-8")
    assert load_recipe(str(file)) == CUSTOM


@pytest.mark.parametrize(
    ("name", "data", "found"),
    [
        ("default", "digits", DIGITS),
        ("default", "signs", SIGNS),
        ("default", "cifar10", CIFAR10),
        ("default", "/photos/of/cats", IMAGES),
        ("default", "", IMAGES),
        ("notebook", "cifar10", NOTEBOOK_E),
        ("notebook", "signs", NOTEBOOK_A),
        ("notebook", "", NOTEBOOK_A),
        ("notebook-d", "cifar10", NOTEBOOK_D),
    ],
)
def test_names(name, data, found):
    assert load_recipe(name, data) is found


def test_notebook_recipes_as_published():
    assert (NOTEBOOK_A.epochs, NOTEBOOK_A.schedule, NOTEBOOK_A.batch_size) == (10, Constant(1.5e-4), 32)
    assert (NOTEBOOK_D.epochs, NOTEBOOK_D.schedule, NOTEBOOK_D.batch_size) == (25, Constant(1e-3), 32)
    assert (NOTEBOOK_E.epochs, NOTEBOOK_E.batch_size, NOTEBOOK_E.optimizer) == (200, 32, "adam")
    assert {one.batch_norm for one in (NOTEBOOK_A, NOTEBOOK_D, NOTEBOOK_E)} == {0.99}


def test_differences():
    changed = replace(SIGNS, name="other", about="else", expected="more", epochs=3, augment=())
    assert find_differences(SIGNS, changed) == {"epochs": (20, 3), "augment": (SIGNS.augment, ())}
    assert find_differences(SIGNS, SIGNS) == {}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"epochs": 0}, 'epochs must be a whole number from 1, or 0 with the head "fitted"; got 0.'),
        ({"epochs": 2.5}, "epochs must be a whole number from 0; got 2.5."),
        ({"epochs": True}, "epochs must be a whole number from 0; got True."),
        ({"batch_size": "32"}, "batch_size must be a whole number from 1; got '32'."),
        ({"optimizer": "lion"}, "optimizer must be one of adam, adamw, muon, sgd; got 'lion'."),
        ({"normalization": "x"}, "normalization must be one of scale, channel, mean-image; got 'x'."),
        ({"keep": "first"}, "keep must be one of auto, best, last; got 'first'."),
        ({"label_smoothing": 1}, "label_smoothing must be a number from 0 to below 1; got 1."),
        ({"label_smoothing": "a"}, "label_smoothing must be a number from 0 to below 1; got 'a'."),
        ({"weight_decay": -0.1}, "weight_decay must be a number from 0; got -0.1."),
        ({"weight_decay": "big"}, "weight_decay must be a number from 0; got 'big'."),
        ({"batch_norm": 1.0}, 'batch_norm must be "auto" or a momentum from 0 to below 1; got 1.0.'),
        ({"batch_norm": "no"}, "batch_norm must be \"auto\" or a momentum from 0 to below 1; got 'no'."),
        ({"model": 50}, "model must be text; got 50."),
    ],
)
def test_values_out_of_range(change, text):
    with pytest.raises(RecipeError) as caught:
        replace(SIGNS, **change)
    assert str(caught.value) == f"recipe signs: {text}"


def toml(**changes) -> str:
    table = {**SIGNS.to_table(), **changes}
    return tomli_w.dumps({name: value for name, value in table.items() if value is not None})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (toml(epoch=3), "recipe: unknown key epoch; did you mean epochs?"),
        (toml(epochs=None, model=None), "recipe: lacks model, epochs."),
        (toml(schedule="constant"), "schedule: must be a table such as "),
        (toml(augment="flip"), "augment: must be a list of tables; got 'flip'."),
        (toml(augment=["flip"]), "augment: must be a table such as "),
        (
            toml(augment=[{"kind": "blur"}]),
            "augment: kind must be one of flip, alternating-flip, shift, light, affine",
        ),
        (toml(weight_decay="x"), "recipe signs: weight_decay must be a number from 0; got 'x'."),
        ('recipe = "signs"', "recipe: must be a table; got 'signs'."),
    ],
)
def test_malformed_files_are_named(tmp_path, text, says):
    file = tmp_path / "mine.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(RecipeError) as caught:
        load_recipe(str(file))
    assert str(caught.value).startswith(f"{file}: {says}")


@pytest.mark.parametrize("content", [b"epochs = = 3", b"\xff\xfe", None])
def test_unreadable_files_are_named(tmp_path, content):
    file = tmp_path / "mine.toml"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    with pytest.raises(RecipeError, match=r"mine\.toml is not a TOML file that can be read: ."):
        load_recipe(str(file))


def test_missing_file():
    with pytest.raises(RecipeError) as caught:
        load_recipe("no.toml")
    assert str(caught.value) == (
        "There is no recipe file no.toml. A run keeps its recipe in runs/NAME/run.toml."
    )


def test_unknown_name_lists_all_and_guesses():
    with pytest.raises(RecipeError) as caught:
        load_recipe("cifar")
    assert str(caught.value) == (
        "recipe must be one of default, notebook, digits, signs, signs-fast, cifar10, cifar10-56, cifar10-paper, "
        "cifar10-fast, cifar10-wide, images, images-fast, finetune, linear-probe, notebook-a, "
        "notebook-d, notebook-e, or a .toml file; got 'cifar'. Did you mean cifar10?"
    )


def test_miniature_shrinks_the_schedule_with_the_epochs():
    paper, mini = load_recipe("cifar10-paper"), load_recipe("cifar10-paper-mini")
    assert mini.name == "cifar10-paper-mini"
    assert mini.epochs == 3
    assert mini.schedule == Steps(((0, 0.1), (1, 0.01), (2, 0.001)))
    assert mini.model == paper.model
    assert load_recipe("digits-mini").epochs == 2
    assert Recipe.from_table(mini.to_table()) == mini


def test_paper_recipe_has_the_papers_steps():
    paper = load_recipe("cifar10-paper")
    rates = paper.schedule.rates(352, paper.epochs)  # 45,000 images in batches of 128
    assert abs(len(rates) - 64_000) < 352
    assert rates[31_900] == np.float32(0.1)
    assert rates[32_100] == np.float32(0.01)
    assert rates[48_000] == np.float32(0.001)


def test_a_budget_shrinks_the_steps_of_a_schedule_with_the_epochs():
    shrunk = RECIPES["cifar10-paper"].in_epochs(38)
    assert shrunk.schedule == Steps(((0, 0.1), (19, 0.01), (28, 0.001)))
    assert RECIPES["cifar10"].in_epochs(10).schedule == RECIPES["cifar10"].schedule
