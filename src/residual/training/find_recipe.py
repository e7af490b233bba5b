"""Find a recipe by name or in a file, and apply the options of a training to it."""

import difflib
import tomllib
from pathlib import Path

from msgspec.structs import replace

from residual.errors import RecipeError
from residual.models import zoo
from residual.models.given import GivenNetwork
from residual.models.spec import NetworkSpec
from residual.training.options import TrainOptions
from residual.training.recipe import Recipe
from residual.training.recipe_values import change_table
from residual.training.recipes import FOR_DATA, IMAGES, NOTEBOOK_A, NOTEBOOK_FOR_DATA, RECIPES


def load_recipe(name_or_path: str = "default", data: str | None = None) -> Recipe:
    """A recipe by name, by file, or the one for some data.

    Args:
        name_or_path: a key of `RECIPES`; "default" for the one made for `data`; "notebook" for the notebooks' own
            (E for cifar10, else A); a key and "-mini" for its miniature; or the path of a TOML file such as the
            run.toml of a run folder.
        data: name of the data set; None for data without a recipe of its own.

    Raises:
        RecipeError: if the name is unknown, or the file is missing or malformed.
    """
    name = str(name_or_path)
    if name == "default":
        return FOR_DATA.get(data or "", IMAGES)
    if name == "notebook":
        return NOTEBOOK_FOR_DATA.get(data or "", NOTEBOOK_A)
    if name in RECIPES:
        return RECIPES[name]
    if name.removesuffix("-mini") in RECIPES:
        return RECIPES[name.removesuffix("-mini")].in_miniature()
    if name.endswith(".toml"):
        return _read_file(Path(name).expanduser())
    names = ["default", "notebook", *RECIPES]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise RecipeError(f"recipe must be one of {', '.join(names)}, or a .toml file; got {name!r}.{hint}")


def _read_file(path: Path) -> Recipe:
    """The recipe in a TOML file: its table [recipe], or the whole of it."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise RecipeError(
            f"There is no recipe file {path}. A run keeps its recipe in runs/NAME/run.toml."
        ) from None
    except (OSError, ValueError, RecursionError) as error:  # numbers of 5,000 digits among them
        raise RecipeError(f"{path} is not a TOML file that can be read: {error}.") from None
    try:
        return Recipe.from_table(_add_base(table.get("recipe", table), path.stem))
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from None


def _add_base(table: dict, name: str) -> dict:
    """The table of a file that says `base = "images"` with all values of that recipe that it does not change."""
    if not isinstance(table, dict) or "base" not in table:
        return table
    values = {"name": name, **table}
    base = values.pop("base")
    if base not in RECIPES:
        raise RecipeError(f"base must be one of {', '.join(RECIPES)}; got {base!r}.")
    return change_table(RECIPES[base].to_table(), values)


def choose_recipe(
    options: TrainOptions, data: str = "", given: GivenNetwork | None = None
) -> tuple[Recipe, NetworkSpec | GivenNetwork | None]:
    """The recipe and the network for data of this name, with the values that the options replace.

    Args:
        options: what was asked.
        data: name of the data set.
        given: the network with the trained weights that the options name; None if they are not opened yet.

    Returns:
        The network is None if it has trained weights that are not opened yet.

    Raises:
        RecipeError, NetworkError: if a name is unknown, or the recipe needs trained weights and there are none.
    """
    named = "finetune" if options.weights is not None and options.recipe == "default" else options.recipe
    recipe = named if isinstance(named, Recipe) else load_recipe(named, data)
    _check_weights(recipe, options)
    asked = {"epochs": options.epochs, "batch_size": options.batch_size, "freeze": options.freeze}
    changes = {name: value for name, value in asked.items() if value is not None}
    if changes:  # what the recipe reached, it reached unchanged
        recipe = replace(recipe, **changes, expected="")
    if options.weights is not None:
        return (recipe, None) if given is None else (replace(recipe, model=given.name), given)
    spec = options.model
    if not isinstance(spec, GivenNetwork):
        spec = zoo.resolve_spec(spec or recipe.model)
    if spec.name != recipe.model:
        recipe = replace(recipe, model=spec.name, expected="")
    return recipe, spec


def _check_weights(recipe: Recipe, options: TrainOptions) -> None:
    """Refuse a recipe that needs trained weights without them, and options that contradict it."""
    if options.weights is None and (recipe.head == "fitted" or recipe.statistics != "batch"):
        raise RecipeError(
            f"recipe {recipe.name} begins with trained weights: name them with `weights`, or choose another `recipe`."
        )
    given = {"epochs": options.epochs, "time_budget": options.time_budget, "optimizer": options.optimizer}
    if not recipe.epochs and (named := [f"`{name}`" for name, value in given.items() if value is not None]):
        raise RecipeError(
            f"recipe {recipe.name} fits the head and trains no epochs: leave out {' and '.join(named)}, or choose "
            "another `recipe`, such as finetune."
        )
