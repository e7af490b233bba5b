"""What somebody adds: an optimizer, a schedule, an augmentation or a recipe is one value and one row of a table."""

import keras
import numpy as np
import pytest
from msgspec.structs import replace

import residual
from residual import augment
from residual.augment import Augmentation
from residual.errors import RecipeError
from residual.training import recipe, recipes, schedules
from residual.training.optimizers import OPTIMIZERS
from residual.training.recipe import Recipe
from residual.training.schedules import Schedule
from tests.support.made import QUICK, save_npz, striped


class Invert(Augmentation, frozen=True, tag="invert"):
    """Invert all images."""

    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return 255 - x


class Fall(Schedule, frozen=True, tag="fall"):
    """From `start` down to 0 in a line."""

    start: schedules.Rate

    def rates(self, steps_per_epoch: int, epochs: int) -> np.ndarray:
        return np.linspace(self.start, 0, steps_per_epoch * epochs, dtype=np.float32)


def test_an_optimizer_a_schedule_an_augmentation_and_a_recipe(tmp_path, monkeypatch):
    monkeypatch.setitem(OPTIMIZERS, "rmsprop", lambda rate, decay: keras.optimizers.RMSprop(rate))
    for module in (augment, recipe):
        monkeypatch.setattr(module, "AUGMENTATIONS", (*augment.AUGMENTATIONS, Invert))
    monkeypatch.setattr(schedules, "SCHEDULES", (*schedules.SCHEDULES, Fall))
    monkeypatch.setattr(recipe, "SCHEDULES", schedules.SCHEDULES)
    values = {"optimizer": "rmsprop", "schedule": Fall(1e-3), "augment": (Invert(),), "weight_decay": 0.0}
    monkeypatch.setitem(recipes.RECIPES, "mine", replace(QUICK, name="mine", epochs=1, **values))

    data = save_npz(tmp_path / "stripes.npz", striped())
    run = residual.train(data, recipe="mine", precision="float32", progress=False)
    assert run.model is not None
    record = run.folder.record
    assert (record.recipe["optimizer"], record.recipe["augment"]) == ("rmsprop", [{"kind": "invert"}])
    assert Recipe.from_table(record.recipe) == residual.load_recipe("mine")
    assert run.folder.log_rows()[-1]["learning_rate"] == 0.0


def test_what_has_no_row_is_refused():
    with pytest.raises(RecipeError, match="optimizer must be one of adam, adamw, muon, sgd; got 'rmsprop'"):
        replace(QUICK, optimizer="rmsprop")
    with pytest.raises(RecipeError, match=r"augment must be made of Flip, .*; got Invert\(\)"):
        replace(QUICK, augment=(Invert(),))
    with pytest.raises(
        RecipeError, match=r"schedule must be one of Constant, OneCycle, Triangle, Steps; got Fall"
    ):
        replace(QUICK, schedule=Fall(1e-3))
