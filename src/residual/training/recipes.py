"""The recipes that have a name, each with what it was measured to reach, and recipes from files."""

import difflib
import tomllib
from pathlib import Path

from msgspec.structs import replace

from residual.augment import Affine, AlternatingFlip, Flip, Light, Shift
from residual.errors import RecipeError
from residual.models import zoo
from residual.models.given import GivenNetwork
from residual.models.spec import NetworkSpec
from residual.training.options import TrainOptions
from residual.training.recipe import Recipe
from residual.training.recipe_values import change_table
from residual.training.schedules import Constant, OneCycle, Steps, Triangle

DIGITS = Recipe(
    name="digits",
    about="digits in seconds: a first look at the whole system",
    model="cifar-resnet8",
    epochs=15,
    batch_size=32,
    optimizer="adamw",
    schedule=OneCycle(peak=4e-3),
    weight_decay=0.05,
    augment=(Shift(1),),
    keep="best",
    expected="99.4% of 359 test digits (95% interval 98.0-99.8%), 7 s on two cores",
)
SIGNS = Recipe(
    name="signs",
    about="a thousand small photos: one-cycle AdamW, label smoothing, shifts, mirror images, light",
    model="resnet10",
    epochs=20,
    batch_size=32,
    optimizer="adamw",
    schedule=OneCycle(peak=2e-3),
    weight_decay=0.05,
    label_smoothing=0.1,
    augment=(Shift(6), Flip(), Light(0.2, 0.2)),
    keep="best",
    expected="98.3% of 120 test photos (median of five seeds, 97.5-99.2%), 59 s of training on two cores",
)
SIGNS_FAST = replace(
    SIGNS,
    name="signs-fast",
    about="SIGNS in less than half of the epochs, with less augmentation",
    epochs=9,
    augment=(Shift(4), Flip()),
    expected="98.3% of 120 test photos (median of five seeds, 97.5-98.3%), 23 s of training on two cores",
)
CIFAR10 = Recipe(
    name="cifar10",
    about="CIFAR-10 on a CPU: one-cycle SGD, pad-crop, mirror images",
    model="cifar-resnet20",
    epochs=38,
    batch_size=128,
    optimizer="sgd",
    schedule=OneCycle(peak=0.2),
    weight_decay=5e-3,  # decoupled: with momentum 0.9 it decays as an L2 loss of 5e-4 does
    augment=(Shift(4), Flip()),
    keep="best",
    expected="87.5% of 10,000 test images, JPEG re-encoded (95% interval 86.8-88.1%); 29 s an epoch on two cores",
)
CIFAR10_56 = replace(
    CIFAR10,
    name="cifar10-56",
    about="CIFAR-10 on a CPU with 56 layers, in the time of 20: three times as long a step, half the epochs",
    model="cifar-resnet56",
    epochs=18,
    expected="87.1% of 10,000 test images, JPEG re-encoded (95% interval 86.4-87.8%); 82 s an epoch on two cores",
)
CIFAR10_PAPER = replace(
    CIFAR10,
    name="cifar10-paper",
    about="CIFAR-10 as He et al. 2015, section 4.2: SGD 0.1, a tenth at 32,000 and 48,000 of 64,000 steps",
    epochs=182,  # of 352 steps, as 5,000 images are set aside
    schedule=Steps(((0, 0.1), (91, 0.01), (136, 0.001))),
    weight_decay=1e-3,  # decoupled: the paper's L2 of 1e-4
    keep="last",
    expected="87.8% of 10,000 test images, JPEG re-encoded (95% interval 87.2-88.5%); 29 s an epoch on two cores",
)
CIFAR10_FAST = Recipe(
    name="cifar10-fast",
    about="CIFAR-10 for a fraction of the arithmetic: a wide, shallow network with a whitened stem",
    model="fast-resnet8",
    epochs=11,
    batch_size=500,
    optimizer="sgd",
    schedule=Triangle(peak=0.8),
    weight_decay=0.01,
    label_smoothing=0.2,
    bias_rate=16.0,
    augment=(Shift(2), AlternatingFlip()),
    keep="last",
    average=0.04,
    sizes=((0.0, 24), (0.4, 32)),
    expected="",
)
IMAGES = Recipe(
    name="images",
    about="a folder of photos, from scratch",
    model="resnet18",
    epochs=20,
    batch_size=32,
    optimizer="adamw",
    schedule=OneCycle(peak=2e-3),
    weight_decay=0.05,
    label_smoothing=0.1,
    augment=(Affine(rotate=10, shift=0.1, scale=0.1), Flip(), Light(0.2, 0.2)),
    expected="with about 200 photos of 64x64: 89.2% of 120 SIGNS photos (95% interval 82.3-93.6%) and 89.7% of 310 "
    "Sign Language Digits (85.8-92.6%), medians of five seeds, 45 s of training on one core of a busy Zen 4; with "
    "about 1,000: 98.3% (94.1-99.5%) and 97.4% (95.0-98.7%), one seed, 4 to 5 minutes",
)
FINETUNE = Recipe(
    name="finetune",
    about="from trained weights: the head fitted on features, then all stages, the earlier the more slowly",
    model="resnet50",
    epochs=12,
    batch_size=32,
    optimizer="adamw",
    schedule=OneCycle(peak=1e-3),
    weight_decay=0.05,
    label_smoothing=0.1,
    augment=(Affine(rotate=10, shift=0.1, scale=0.1), Flip(), Light(0.2, 0.2)),
    head="fitted",
    unfreeze=0.0,
    depth_decay=0.5,
    statistics="batch",
)
LINEAR_PROBE = Recipe(
    name="linear-probe",
    about="from trained weights: the head fitted on features, nothing else is trained",
    model="resnet50",
    epochs=0,
    batch_size=32,
    optimizer="adamw",
    schedule=Constant(0.0),
    head="fitted",
    freeze="body",
    statistics="kept",
)
NOTEBOOK_A = Recipe(
    name="notebook-a",
    about="SIGNS as notebook A: Adam 1.5e-4, 10 epochs, momentum 0.99",
    model="course-resnet50",
    epochs=10,
    batch_size=32,
    optimizer="adam",
    schedule=Constant(1.5e-4),
    batch_norm=0.99,
    normalization="scale",
    keep="last",
    expected="15.8% of 120 test photos as its notebook would measure; 80.0% with statistics recomputed",
)
NOTEBOOK_D = replace(
    NOTEBOOK_A,
    name="notebook-d",
    about="SIGNS as notebook D: Adam 1e-3, 25 epochs, momentum 0.99",
    epochs=25,
    schedule=Constant(1e-3),
    expected="",
)
NOTEBOOK_E = Recipe(
    name="notebook-e",
    about="CIFAR-10 as notebook E: Adam from 1e-3 in steps, 200 epochs, rotation and shifts",
    model="notebook-resnet20",
    epochs=200,
    batch_size=32,
    optimizer="adam",
    schedule=Steps(((0, 1e-3), (81, 1e-4), (121, 1e-5), (161, 1e-6), (181, 5e-7))),
    batch_norm=0.99,
    normalization="mean-image",
    augment=(Affine(rotate=20, shift=0.2), Flip()),
)

# A new recipe is a value above and a row here.
RECIPES: dict[str, Recipe] = {
    one.name: one
    for one in (
        DIGITS,
        SIGNS,
        SIGNS_FAST,
        CIFAR10,
        CIFAR10_56,
        CIFAR10_PAPER,
        CIFAR10_FAST,
        IMAGES,
        FINETUNE,
        LINEAR_PROBE,
        NOTEBOOK_A,
        NOTEBOOK_D,
        NOTEBOOK_E,
    )
}

# The recipe of each data set by name; all other data gets IMAGES.
FOR_DATA: dict[str, Recipe] = {"digits": DIGITS, "signs": SIGNS, "cifar10": CIFAR10}
NOTEBOOK_FOR_DATA: dict[str, Recipe] = {"cifar10": NOTEBOOK_E}


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
    return replace(recipe, model=spec.name), spec


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
