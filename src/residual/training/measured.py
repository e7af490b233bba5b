"""What recipes were measured to reach, read from their own table: the only place that reads `Recipe.expected`."""

import re
from dataclasses import dataclass

from residual.training.options import TrainOptions
from residual.training.recipe import Recipe
from residual.training.recipes import FOR_DATA, RECIPES

_ACCURACY = re.compile(r"^(\d{1,3}(?:\.\d+)?)% of (\d[\d,]*) test")


@dataclass(frozen=True)
class Measured:
    """The test accuracy of a recipe, unchanged, on the data that it was made for.

    Attributes:
        accuracy: 0 to 1.
        images: test images.
        epochs: of the recipe.
    """

    accuracy: float
    images: int
    epochs: int


def read_measured(recipe: Recipe) -> Measured | None:
    """What a recipe reached on the data that it was made for; None if its table does not say."""
    found = _ACCURACY.match(recipe.expected)
    if found is None or not recipe.epochs:
        return None
    return Measured(float(found[1]) / 100, int(found[2].replace(",", "")), recipe.epochs)


def list_recipes_for(options: TrainOptions) -> list[Recipe]:
    """The recipes that were made for the data that was asked for, the usual one first.

    Images of another size are other data, and so is a path whose last part happens to be a name.
    """
    data = options.data
    if not isinstance(data, str) or data not in FOR_DATA or options.image_size is not None:
        return []
    usual = FOR_DATA[data]
    named = [recipe for name, recipe in RECIPES.items() if name == data or name.startswith(f"{data}-")]
    return [usual, *(recipe for recipe in named if recipe.name != usual.name)]
