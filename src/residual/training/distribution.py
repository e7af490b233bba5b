"""A training on several devices: where its variables lie, and what its network predicts."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from residual.backend import distribution
from residual.backend.processes import Processes
from residual.errors import RecipeError
from residual.models.keras_file import load_model
from residual.runs import checkpoints
from residual.runs.checkpoints import State
from residual.runs.folder import RunFolder
from residual.runs.record import RunRecord, parse_record
from residual.training.batches import Batches
from residual.training.recipe import Recipe


def find_link() -> Processes | None:
    """The link to the other processes that train together; None if this one trains alone."""
    group = distribution.current()
    return None if group is None else group.link


def agree(name: str, find: Callable[[], Any]) -> Any:
    """What process 0 finds, in all processes that train together.

    Args:
        name: of what is found; each is used once.
        find: finds it, as JSON takes it. Only process 0 calls it.
    """
    link = find_link()
    if link is None:
        return find()
    return json.loads(link.share(name, json.dumps(find()) if link.leads else None))


def gather(name: str, own: list[str]) -> list[str]:
    """What any of the processes that train together has, each once, in all of them.

    Args:
        name: of what they have; each is used once.
        own: texts of this process.
    """
    link = find_link()
    if link is None:
        return own
    lists = (json.loads(content) for content in link.gather(name, json.dumps(own).encode()))
    return list(dict.fromkeys(text for texts in lists for text in texts))


def hand_over(record: RunRecord, state: State | None, folder: RunFolder) -> None:
    """Give the other processes, if there are some, the record of the run and the state that its training begins with.

    Args:
        record: of the run.
        state: of an interrupted training; None begins.
        folder: of the run.
    """
    if link := find_link():
        link.advice = f"To continue, start all of them with residual train --resume {folder.path.name}."
        link.share("record", json.dumps([record.to_toml(), state is not None]))
        if state is not None:
            link.broadcast("state", checkpoints.pack(state))


def take_over(link: Processes) -> tuple[RunRecord, State | None]:
    """What process 0 handed over."""
    text, resumed = json.loads(link.share("record"))
    state = checkpoints.unpack(link.broadcast("state", None)) if resumed else None
    return parse_record(text), state


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
