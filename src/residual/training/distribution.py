"""A training on several devices: where its variables lie, and what its network predicts."""

import contextlib

import keras
import numpy as np

from residual.backend import distribution
from residual.errors import RecipeError
from residual.models.keras_file import load_model
from residual.runs.folder import RunFolder
from residual.training.batches import Batches
from residual.training.recipe import Recipe


def check_recipe(recipe: Recipe) -> None:
    """Refuse several devices for a recipe that takes no steps.

    Raises:
        RecipeError: saying so.
    """
    if distribution.current() is not None and not recipe.epochs:
        raise RecipeError(
            f"recipe {recipe.name} trains no epochs: there is nothing to share. Leave out `devices`."
        )


def take_off(model: keras.Model, folder: RunFolder) -> keras.Model:
    """The trained network on one device, as it was written; the same object if it was trained on one.

    Args:
        model: trained.
        folder: of the run, with its network.
    """
    return model if distribution.current() is None else load_model(folder.model)[0]


def place_variables() -> contextlib.AbstractContextManager:
    """A context in which Keras makes variables on all devices that train together."""
    group = distribution.current()
    return contextlib.nullcontext() if group is None else group.variables()


def make_ready(model: keras.Model) -> None:
    """Let a network that has just been compiled train on all devices that train together."""
    if group := distribution.current():
        group.prepare(model)


def predict(model: keras.Model, batches: Batches) -> np.ndarray:
    """What a network returns for every image, in order: the whole in each process.

    Args:
        model: its variables lie on the devices that train together.
        batches: in the order of the images.
    """
    if group := distribution.current():
        group.prepare_predict(model)
    return np.asarray(model.predict(batches, verbose=0))
