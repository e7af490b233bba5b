"""Which parts of a network are trained when, and how fast: frozen stages, stages unfrozen in steps, rates by depth.

The parts are those of `layer_names.find_group`: the stem, the stages and the head. The last Dense layer belongs to the
head, whatever it is called.
"""

import re

import keras
import numpy as np

from residual.errors import RecipeError
from residual.models.head import find_head
from residual.models.layer_names import find_group
from residual.models.whitened import is_whitened
from residual.training.recipe import Recipe

HEAD, STEM = "head", "stem"
MOST_PHASES = 3


def list_parts(model: keras.Model) -> dict[str, list[keras.layers.Layer]]:
    """The layers with weights of each part, from the stem to the head.

    The scaling of pixels and a whitened stem are not among them: they are never trained.
    """
    head = find_head(model)
    found: dict[str, list[keras.layers.Layer]] = {}
    for layer in model.layers:
        if not layer.weights or isinstance(layer, keras.layers.Normalization) or is_whitened(layer):
            continue
        part = HEAD if head is not None and layer is head.dense else find_group(layer.name)
        found.setdefault(part, []).append(layer)
    return {part: found[part] for part in sorted(found, key=_place)}


def _place(part: str) -> float:
    """Where a part stands: the stem first, the head last."""
    return {STEM: 0.0, HEAD: np.inf}.get(part) or float(re.sub(r"\D", "", part) or 0)


def count_frozen(parts: list[str], freeze: str) -> int:
    """How many parts, from the stem on, a recipe keeps frozen.

    Args:
        parts: of the network, from the stem to the head.
        freeze: "none"; "body" for all but the head; or the last part that is frozen, such as "stage2".

    Raises:
        RecipeError: if the network has no such part.
    """
    body = [part for part in parts if part != HEAD]
    if freeze == "none":
        return 0
    if freeze == "body":
        return len(body)
    if freeze not in body:
        raise RecipeError(
            f"freeze must be none, body, or the last part that is frozen, of {', '.join(body)}; got {freeze}."
        )
    return body.index(freeze) + 1


def list_phases(model: keras.Model, recipe: Recipe) -> list[tuple[int, int]]:
    """When parts are unfrozen: (first epoch, parts that are frozen then), epochs counted from 0.

    With `unfreeze` 0 there is one phase. Otherwise there are up to `MOST_PHASES`, because each compiles the network
    anew: the first trains the head and the last part; the last one begins after that share of the epochs and trains all
    parts that the recipe does not freeze.

    Raises:
        RecipeError: as for `count_frozen`.
    """
    parts = list(list_parts(model))
    least = count_frozen(parts, recipe.freeze)
    body = sum(part != HEAD for part in parts)
    most = max(least, body - 1)
    count = min(MOST_PHASES, most - least + 1)
    if not recipe.unfreeze or count < 2:
        return [(0, least)]
    frozen = [round(most + (least - most) * number / (count - 1)) for number in range(count)]
    length = recipe.unfreeze * recipe.epochs / (count - 1)
    starts = [round(number * length) for number in range(count)]
    phases = dict(zip(starts, frozen, strict=True))  # of those that begin together the last one counts
    return [phase for phase in phases.items() if phase[0] < recipe.epochs]


def freeze_parts(model: keras.Model, frozen: int, statistics: str) -> None:
    """Let all parts but the first `frozen` ones be trained; call before the model is compiled.

    Args:
        model: the network.
        frozen: how many parts, from the stem on.
        statistics: of batch norms, a key of `recipe.STATISTICS`; unless they are those of each batch, batch norms
            compute with their moving statistics and are not trained.
    """
    for number, layers in enumerate(list_parts(model).values()):
        for layer in layers:
            is_norm = isinstance(layer, keras.layers.BatchNormalization)
            layer.trainable = number >= frozen and not (is_norm and statistics != "batch")


def unfreeze_all(model: keras.Model) -> None:
    """Let every layer be trained again, as a new model is."""
    for layers in list_parts(model).values():
        for layer in layers:
            layer.trainable = True


def scale_by_depth(model: keras.Model, decay: float) -> dict[str, float]:
    """Share of the learning rate of each part: 1 for the head, `decay` for the last stage, its square for the next."""
    parts = list(list_parts(model))
    return {part: decay ** (len(parts) - 1 - number) for number, part in enumerate(parts)}


def find_depth_rates(model: keras.Model, decay: float) -> dict[int, float]:
    """Share of the learning rate of each trainable variable, by its id, as `scale_by_depth` gives it to its part.

    Args:
        model: the network.
        decay: as `scale_by_depth` takes it; 1 changes nothing.
    """
    if decay == 1:
        return {}
    shares = scale_by_depth(model, decay)
    return {
        id(variable): shares[part]
        for part, layers in list_parts(model).items()
        for layer in layers
        for variable in layer.trainable_variables
    }
