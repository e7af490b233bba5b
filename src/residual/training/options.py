"""What `train` was asked, as one frozen value.

It is the keyword arguments, the table [train] of run.toml, and the rows of a comparison.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta
from msgspec.structs import fields, force_setattr

from residual._checked import Checked, Count, read_table
from residual._text import describe_value, parse_duration
from residual.data.source import MAX_UNREADABLE
from residual.errors import DataError
from residual.models.spec import NetworkSpec
from residual.training.recipe import Recipe

_OF_DATA = ("data", "image_size", "validation_split", "class_balance", "max_unreadable", "search_dir")
_PATHS = {"data": "the name of a data set or a path", "search_dir": "the path of a folder"}


class TrainOptions(Checked, frozen=True):
    """The arguments of `residual.train`, checked when the value is made: no data is read and no backend is loaded.

    Attributes:
        data: what `load_data` takes: "digits", "signs", "cifar10", a path, or "hf://owner/name".
        model: a NetworkSpec or the name of a network; None takes the recipe's.
        recipe: a name, a .toml file or a Recipe; "default" is the one made for the data.
        epochs, batch_size: in place of the recipe's.
        image_size: scale images to (image_size, image_size) pixels; None leaves it to the data.
        seed: of weights, order, augmentation and validation split.
        validation_split: share of the training images that is set aside to select on.
        precision: "float32", "bfloat16", or "auto" for the one that trains faster here, by a short measurement.
        time_budget: time for the whole, such as "90s", "10m", "1h30m" or "1.5h"; a bare number is minutes. The epochs
            that fit in it take the place of the recipe's.
        class_balance: for classes with few images: "sample" shows them again until all classes have as many, "weights"
            lets them count more in the loss; None does nothing.
        max_unreadable: share of image files that may be damaged; they are skipped and listed in report.json.
        search_dir: folder searched for "signs" and "cifar10".

    Raises:
        DataError, RecipeError: naming the argument, what is allowed, and what was received.
    """

    data: str = "digits"
    model: str | NetworkSpec | None = None
    recipe: str | Recipe = "default"
    epochs: Count | None = None
    batch_size: Count | None = None
    image_size: Count | None = None
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    validation_split: Annotated[float, Meta(gt=0, lt=1, description="a share above 0 and below 1")] = 0.1
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    time_budget: str | None = None
    class_balance: Literal["sample", "weights"] | None = None
    max_unreadable: Annotated[float, Meta(ge=0, lt=1, description="a share from 0 to below 1")] = (
        MAX_UNREADABLE
    )
    search_dir: str | None = None

    def __post_init__(self):
        for name in ("data", "recipe", "search_dir"):
            if isinstance(value := getattr(self, name), Path):
                force_setattr(self, name, str(value))
        super().__post_init__()
        if not isinstance(self.model, str | NetworkSpec | None):
            self.refuse("model", "the name of a network or a NetworkSpec", self.model)
        if not isinstance(self.recipe, str | Recipe):
            self.refuse("recipe", "the name of a recipe, a .toml file or a Recipe", self.recipe)
        if self.time_budget is not None and self.epochs is not None:
            raise self.error("`epochs` and `time_budget` both say how long to train: give one of them.")
        _ = self.seconds

    def refuse(self, name: str, allowed: str, value: Any) -> None:
        error = DataError if name in _OF_DATA else self.error
        allowed = _PATHS.get(name, allowed)
        raise error(f"{name} must be {allowed}; got {describe_value(value)}.")

    @property
    def seconds(self) -> float | None:
        """The time budget; None without one."""
        return None if self.time_budget is None else parse_duration("time_budget", self.time_budget)

    def to_table(self) -> dict[str, Any]:
        """As the table [train] of run.toml; what was not asked is left out."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        names = {
            name: value.name for name, value in values.items() if isinstance(value, Recipe | NetworkSpec)
        }
        return {name: value for name, value in (values | names).items() if value is not None}

    @classmethod
    def from_table(cls, table: dict[str, Any]) -> "TrainOptions":
        """The options that `to_table` wrote; a recipe or a network of the user's own only by its name.

        Raises:
            DataError, RecipeError: for a key that is unknown or a value out of range.
        """
        return read_table(cls, table, "train")
