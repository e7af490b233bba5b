"""Recipes: everything about a training run but the data and the network, as frozen values."""

import difflib
import tomllib
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path

from residual.data import augment
from residual.data.augment import Affine, Augmentation, Flip, Light, Shift
from residual.errors import RecipeError
from residual.training import schedules
from residual.training.recipe_values import change_table
from residual.training.schedules import Constant, OneCycle, Schedule, Steps

OPTIMIZERS = ("adam", "adamw", "sgd")
NORMALIZATIONS = {
    "scale": "pixels / 255",
    "channel": "minus the mean and divided by the deviation of each colour in the training images",
    "mean-image": "(pixels - mean training image) / 255",
}


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        name: what `train` and the files of runs call it.
        about: one line on what it is for.
        model: the network it was made for; used where the user names none.
        epochs: passes over the training images.
        batch_size: images per step.
        optimizer: "adam", "adamw" or "sgd" (Nesterov momentum 0.9).
        schedule: the learning rate of every step; nothing else changes the rate.
        weight_decay: decoupled decay of kernels (not of biases and norms), times the learning rate.
        label_smoothing: share of the label spread over all classes.
        batch_norm: momentum of the moving statistics: "auto" lets it follow the number of steps.
        normalization: a key of `NORMALIZATIONS`, fitted on the training images and kept inside the model.
        augment: applied to every training batch, in turn.
        keep: which weights: of the "best" epoch on the validation images, or of the "last".
        expected: what it reached, where and in what time, as measured.
    """

    name: str
    about: str
    model: str
    epochs: int
    batch_size: int
    optimizer: str
    schedule: Schedule
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    batch_norm: float | str = "auto"
    normalization: str = "channel"
    augment: tuple[Augmentation, ...] = ()
    keep: str = "best"
    expected: str = ""

    def __post_init__(self):
        for field in ("name", "about", "model", "expected"):
            self._check(field, "text", isinstance(getattr(self, field), str))
        for field in ("epochs", "batch_size"):
            value = getattr(self, field)
            self._check(field, "a whole number from 1", isinstance(value, int) and value >= 1)
        for field, allowed in (
            ("optimizer", OPTIMIZERS),
            ("normalization", tuple(NORMALIZATIONS)),
            ("keep", ("best", "last")),
        ):
            self._check(field, f"one of {', '.join(allowed)}", getattr(self, field) in allowed)
        self._check("weight_decay", "a number from 0", _is_number(self.weight_decay))
        below_one = "at least 0 and below 1"
        self._check("label_smoothing", below_one, _is_number(self.label_smoothing, below=1))
        momentum = self.batch_norm
        fits = momentum == "auto" or _is_number(momentum, below=1)
        self._check("batch_norm", f'"auto" or a momentum {below_one}', fits)

    def _check(self, field: str, allowed: str, fits: bool) -> None:
        if not fits:
            raise RecipeError(f"recipe {self.name}: {field} must be {allowed}; got {getattr(self, field)!r}.")

    def to_table(self) -> dict:
        """As a TOML document's table; `from_table` reads it back."""
        table = {field.name: getattr(self, field.name) for field in fields(self)}
        table["schedule"] = schedules.to_table(self.schedule)
        table["augment"] = [augment.to_table(value) for value in self.augment]
        return table

    @classmethod
    def from_table(cls, table: dict) -> "Recipe":
        """The recipe that `to_table` wrote.

        Raises:
            RecipeError: for a value that is unknown, missing or out of range.
        """
        if not isinstance(table, dict):
            raise RecipeError(f"A recipe must be a table; got {table!r}.")
        values = dict(table)
        allowed = [field.name for field in fields(cls)]
        unknown = sorted(set(values) - set(allowed))
        if unknown:
            raise RecipeError(f"A recipe has no {', '.join(unknown)}; it has {', '.join(allowed)}.")
        missing = [
            field.name for field in fields(cls) if field.default is MISSING and field.name not in values
        ]
        if missing:
            raise RecipeError(f"The recipe lacks {', '.join(missing)}.")
        values["schedule"] = schedules.from_table(values["schedule"])
        entries = values.get("augment", [])
        if not isinstance(entries, list | tuple):
            raise RecipeError(f"augment: must be a list of tables; got {entries!r}.")
        values["augment"] = tuple(augment.from_table(entry) for entry in entries)
        return cls(**values)


def _is_number(value, below: float = float("inf")) -> bool:
    return isinstance(value, int | float) and 0 <= value < below


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
    expected="98.3% of 120 test photos (median of five seeds, 97.5-99.2%), 59 s of training on two cores",
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

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        DIGITS,
        SIGNS,
        CIFAR10,
        CIFAR10_56,
        CIFAR10_PAPER,
        IMAGES,
        NOTEBOOK_A,
        NOTEBOOK_D,
        NOTEBOOK_E,
    )
}


def recipe(name: str = "default", data: str = "") -> Recipe:
    """A recipe by name, by file, or the one for some data.

    Args:
        name: a key of `RECIPES`; "default" for the one made for `data`; "notebook" for the notebooks' own
            (E for cifar10, else A); a key and "-mini" for its miniature; or the path of a TOML file such as
            a run folder keeps.
        data: name of the data set.

    Raises:
        RecipeError: unknown name, or a file that is missing or malformed.
    """
    if name == "default":
        return {"digits": DIGITS, "signs": SIGNS, "cifar10": CIFAR10}.get(data, IMAGES)
    if name == "notebook":
        return NOTEBOOK_E if data == "cifar10" else NOTEBOOK_A
    if name in RECIPES:
        return RECIPES[name]
    if name.removesuffix("-mini") in RECIPES:
        return miniature(RECIPES[name.removesuffix("-mini")])
    if name.endswith(".toml"):
        return _from_file(Path(name).expanduser())
    names = ["default", "notebook", *RECIPES]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise RecipeError(f"recipe must be one of {', '.join(names)}, or a .toml file; got {name!r}.{hint}")


def _from_file(path: Path) -> Recipe:
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


def miniature(recipe: Recipe) -> Recipe:
    """The recipe in about a sixtieth of its epochs, at least two, its schedule shrunk with them.

    To see in minutes that everything runs, before the hours of the whole; its accuracy says little.
    """
    epochs = max(2, round(recipe.epochs / 60))
    name, about = f"{recipe.name}-mini", f"{recipe.name} in {epochs} epochs, to see that it runs"
    return replace(in_epochs(recipe, epochs), name=name, about=about)


def in_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """The recipe in so many epochs, its whole schedule shrunk or stretched to them."""
    schedule = recipe.schedule
    if isinstance(schedule, Steps):
        share = epochs / recipe.epochs
        starts = {
            int(epoch * share): rate for epoch, rate in schedule.rates_from
        }  # the last of those that meet
        schedule = Steps(tuple(starts.items()))
    return replace(recipe, epochs=epochs, schedule=schedule, expected="")


def differences(one: Recipe, other: Recipe) -> dict[str, tuple]:
    """The values in which two recipes differ, name and description apart."""
    pairs = {
        field.name: (getattr(one, field.name), getattr(other, field.name))
        for field in fields(Recipe)
        if field.name not in ("name", "about", "expected")
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
