"""Images that grow during a training: their sizes, the plan, a resumed training, and what is refused."""

import keras
import numpy as np
import pytest
from msgspec.structs import replace

from residual.augment import Flip
from residual.errors import RecipeError, ResidualWarning
from residual.models import zoo
from residual.models.build import build_network
from residual.training.batches import Batches
from residual.training.forecast import Forecast
from residual.training.recipe import Recipe
from residual.training.schedules import OneCycle
from residual.training.sides import Sides, list_starts
from tests.support.cut import check_resumed, cut_before
from tests.support.made import QUICK, quiet, save_npz, striped, stripes, train_on

SIZES = ((0.0, 8), (0.4, 12), (0.75, 16))
RECIPE = replace(QUICK, epochs=4, schedule=OneCycle(3e-3), augment=(Flip(),), sizes=SIZES)  # 6 steps an epoch


def train(file, name, recipe=RECIPE, **options):
    console = quiet()
    return train_on(console, file, recipe=recipe, precision="float32", name=name, **options), console


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training from the beginning to the end: its report, its log, the sides of its batches, and what was said."""
    place, seen = tmp_path_factory.mktemp("whole"), []
    make = Batches._make

    def watch(self, epoch, step):
        x, y = make(self, epoch, step)
        if self.shuffle:
            seen.append((epoch.number, x.shape[1]))
        return x, y

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr(Batches, "_make", watch)
        run, console = train(save_npz(place / "stripes.npz", striped()), "whole")
        shape = run.model.input_shape
        with pytest.raises(ValueError, match="incompatible with the layer"):
            run.model(np.zeros((1, 8, 8, 3), np.float32))
        return run.report, run.folder.log_rows(), set(seen), console.file.getvalue(), shape


def test_sides_begin_with_epochs():
    recipe = replace(QUICK, epochs=10, sizes=((0.0, 8), (0.35, 12), (0.36, 14), (0.7, 16)))
    assert list_starts(recipe, 16) == [(0, 8), (4, 14), (7, None)]
    assert list_starts(replace(recipe, epochs=1), 16) == [(0, None)]
    assert list_starts(QUICK, 16) == [(0, None)]


def test_every_epoch_has_its_side_and_the_network_takes_whole_images_in_the_end(whole):
    _, _, seen, _, shape = whole
    assert {(0, 8), (1, 8), (2, 12), (3, 16)} <= seen
    assert shape == (None, 16, 16, 3)


def test_the_plan_has_the_time_of_each_side(whole):
    said = whole[3]
    assert " at 8 pixels, " in said
    assert " at 12 pixels), " in said
    assert " an epoch on average, " in said


def test_a_recipe_that_scales_learns(whole):
    assert whole[0]["validation"]["accuracy"] > 0.6


@pytest.mark.parametrize("cut_at", [14, pytest.param(12, marks=pytest.mark.slow)])  # 12: where a side begins
def test_a_resumed_training_ends_bit_for_bit_the_same(whole, tmp_path, each_step, cut_at):
    with cut_before(cut_at):
        train(save_npz(tmp_path / "stripes.npz", striped()), "cut")
    check_resumed("cut", cut_at, *whole[:2])


def test_each_side_has_a_step_of_its_own():
    model = build_network(zoo.find_spec("cifar-resnet8"), (16, 16, 3), 3)
    sides = Sides(model, RECIPE, Batches(stripes(8, 0), 3, 4))
    model.train_function = "whole"
    sides.use(8)
    assert model.train_function is None
    model.train_function = "eight"
    sides.use(None)
    assert model.train_function == "whole"
    sides.use(8)
    assert model.train_function == "eight"
    sides.seconds = {8: 1.0, 12: 2.0, None: 3.0}
    assert sides.list_seconds() == [1.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("sizes", "epochs", "starts"),
    [
        (((0.0, 8), (0.6, 16)), 1, [(0, None)]),
        (((0.0, 8), (0.9, 16)), 2, [(0, 8), (1, None)]),
        (((0.0, 8), (0.9, 12), (0.95, 16)), 2, [(0, 8), (1, None)]),
        (((0.0, 8), (0.5, 16)), 4, [(0, 8), (2, None)]),
        ((), 3, [(0, None)]),
    ],
)
def test_the_last_side_has_an_epoch_however_few_there_are(sizes, epochs, starts):
    assert list_starts(replace(QUICK, sizes=sizes).in_epochs(epochs), 16) == starts


def test_a_network_that_never_sees_whole_images_is_warned_of():
    model = build_network(zoo.find_spec("cifar-resnet8"), (16, 16, 3), 3)
    recipe = replace(QUICK, sizes=((0.0, 8), (0.5, 12)))
    with pytest.warns(
        ResidualWarning, match="have 16 pixels, and recipe quick ends with 12.*`image_size` 12"
    ):
        Sides(model, recipe, Batches(stripes(8, 0), 3, 4))


def test_a_budget_counts_the_sizes_of_as_many_epochs_as_it_allows():
    """Epochs: 1 s a step of whole images, 0.25 s of small ones, which are the first half of them; 10 steps."""
    model = build_network(zoo.find_spec("cifar-resnet8"), (16, 16, 3), 3)
    sides = Sides(
        model, replace(QUICK, sizes=((0.0, 8), (0.5, 16))).in_epochs(4), Batches(stripes(8, 0), 3, 4)
    )
    sides.seconds = {8: 0.25, None: 1.0}
    assert [sides.find_extra_seconds(epochs) for epochs in (1, 2, 3, 4)] == pytest.approx(
        [0.375, 0, -0.375, 0]
    )
    plan = Forecast(1.0, 2.0, 6.25, 3.0, 1.0, None, ((8, 0.25),))
    for epochs, seconds in ((1, 10.0), (2, 12.5), (3, 15.0), (4, 25.0)):
        around = 3 + 2 + 1 + 2  # what is before and after, and a compilation for each size
        assert plan.epochs_within((around + seconds + 0.01) / 0.9, sides, 10) == epochs
        if epochs > 1:
            assert plan.epochs_within((around + seconds - 0.01) / 0.9, sides, 10) == epochs - 1


def test_a_size_that_was_never_timed_counts_as_the_largest():
    model = build_network(zoo.find_spec("cifar-resnet8"), (16, 16, 3), 3)
    recipe = replace(QUICK, sizes=((0.0, 8), (0.3, 12), (0.6, 16))).in_epochs(2)
    sides = Sides(model, recipe, Batches(stripes(8, 0), 3, 4))
    assert sides.list_all() == [8, None], "12 pixels have no epoch"
    sides.seconds = {8: 0.01, None: 0.04}
    assert sides.find_extra_seconds(10) == pytest.approx(3 * 0.01 + 7 * 0.04 - 10 * 0.025)


def test_the_plan_says_what_smaller_images_take():
    plan = Forecast(0.2, 1.0, 10.0, 4.0, 4.0, None, ((20, 0.08), (26, 0.13)))
    assert plan.format_sentence(6) == (
        "200 ms a step (80 at 20 pixels, 130 at 26 pixels), 10 s an epoch on average, 1 min 4 s in all"
    )


@pytest.mark.parametrize(
    "sizes",
    [((0.1, 8),), ((0.0, 8), (0.0, 12)), ((0.0, 12), (0.5, 8)), ((0.0, 0),), ((0.0, 8), (1.0, 12)), 8],
)
def test_sizes_out_of_order_are_refused(sizes):
    with pytest.raises(RecipeError, match="sizes must be pairs"):
        replace(QUICK, sizes=sizes)


def test_sizes_that_do_not_suit_are_refused():
    with pytest.raises(RecipeError, match="sizes of recipe quick must be at most 16 pixels"):
        list_starts(replace(QUICK, sizes=((0.0, 20),)), 16)
    with pytest.raises(RecipeError, match="normalization must be scale or channel"):
        replace(RECIPE, normalization="mean-image")
    pixels = keras.Input((16, 16, 3))
    flat = keras.Model(pixels, keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(pixels)))
    with pytest.raises(RecipeError, match="does not take images of 8x8 pixels"):
        Sides(flat, RECIPE, Batches(stripes(8, 0), 3, 4))


def test_a_recipe_file_keeps_its_sizes():
    assert Recipe.from_table(RECIPE.to_table()).sizes == SIZES
