"""What `train` was asked, as one frozen value.

It is the keyword arguments, the table [train] of run.toml, and the rows of a comparison.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta
from msgspec.structs import fields, force_setattr

from residual._checked import Checked, Count, read_table
from residual._keras_objects import is_instance
from residual._text import describe_value, parse_duration
from residual.data.given import GIVEN, open_given
from residual.data.images import Dataset
from residual.data.source import MAX_UNREADABLE, Source
from residual.errors import DataError
from residual.models.given import GivenNetwork
from residual.models.spec import NetworkSpec
from residual.training.optimizers import is_serialized, serialize_optimizer
from residual.training.recipe import FREEZE, FREEZE_WORDS, Recipe

_OF_DATA = ("data", "image_size", "validation_split", "fold", "class_balance", "max_unreadable", "search_dir")
_FOLD = r"^[1-9]\d{0,3}/[1-9]\d{0,3}$"
_OPTIMIZER = "a Keras optimizer, such as keras.optimizers.SGD(0.1)"
_CALLBACKS = "a list of Keras callbacks"


class TrainOptions(Checked, frozen=True):
    """The arguments of `residual.train`, checked when the value is made: no data is read and no backend is loaded.

    Attributes:
        data: what `load_data` takes: "digits", "signs", "cifar10", a path, or "hf://owner/name". Or images that lie in
            memory: a Dataset, or arrays as `data.given.open_given` takes them, which become a Source.
        model: a NetworkSpec, the name of a network, or a Keras model, which becomes a GivenNetwork; None takes the
            recipe's.
        recipe: a name, a .toml file or a Recipe; "default" is the one made for the data.
        weights: trained weights to begin with, in place of `model`: a run, its name or folder, a .keras file, or a name
            such as "torchvision/resnet50.v2". The recipe "default" is then "finetune".
        freeze: in place of the recipe's: "none", "body" for all but the head, or the last part that stays as it is,
            such as "stage2".
        epochs, batch_size: in place of the recipe's.
        image_size: scale images to (image_size, image_size) pixels; None leaves it to the data.
        seed: of weights, order, augmentation and validation split.
        validation_split: share of the training images that is set aside to select on.
        fold: "2/5" sets the second of five parts of the training and validation images aside, and leaves the share out
            of account; None takes the share.
        precision: "float32", "bfloat16", or "auto" for the one that trains faster here, by a short measurement.
        time_budget: time for the whole, such as "90s", "10m", "1h30m" or "1.5h"; a bare number is minutes. The epochs
            that fit in it take the place of the recipe's.
        class_balance: for classes with few images: "sample" shows them again until all classes have as many, "weights"
            lets them count more in the loss; None does nothing.
        max_unreadable: share of image files that may be damaged; they are skipped and listed in report.json.
        search_dir: folder searched for "signs" and "cifar10".
        optimizer: a Keras optimizer in place of the recipe's optimizer, schedule and weight decay; it becomes its
            configuration, as text.
        engine: write the engine at the end, which predicts without Keras.
        report: write report.html at the end, a page of the run.
        callbacks: Keras callbacks that are called beside those of the training; read from run.toml, their names.

    Raises:
        DataError, RecipeError: naming the argument, what is allowed, and what was received.
    """

    data: str | Dataset | Source = "digits"
    model: str | NetworkSpec | GivenNetwork | None = None
    recipe: str | Recipe = "default"
    weights: str | None = None
    freeze: Annotated[str, Meta(pattern=FREEZE, description=FREEZE_WORDS)] | None = None
    epochs: Count | None = None
    batch_size: Count | None = None
    image_size: Count | None = None
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    validation_split: Annotated[float, Meta(gt=0, lt=1, description="a share above 0 and below 1")] = 0.1
    fold: Annotated[str, Meta(pattern=_FOLD, description='a part such as "2/5"')] | None = None
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    time_budget: str | None = None
    class_balance: Literal["sample", "weights"] | None = None
    max_unreadable: Annotated[float, Meta(ge=0, lt=1, description="a share from 0 to below 1")] = (
        MAX_UNREADABLE
    )
    search_dir: str | None = None
    optimizer: Any = None
    engine: bool = True
    report: bool = True
    callbacks: Any = None  # a tuple of Keras's classes, which cannot be named here without loading Keras

    def __post_init__(self):
        if isinstance(folder := getattr(self.weights, "path", None), Path):  # a Run
            force_setattr(self, "weights", folder)
        for name in ("data", "recipe", "search_dir", "weights"):
            if isinstance(value := getattr(self, name), Path):
                force_setattr(self, name, str(value))
        super().__post_init__()
        if is_instance(self.model, "Model"):
            force_setattr(self, "model", GivenNetwork(self.model))
        if not isinstance(self.model, str | NetworkSpec | GivenNetwork | None):
            self.refuse("model", "the name of a network, a NetworkSpec or a Keras model", self.model)
        if not isinstance(self.recipe, str | Recipe):
            self.refuse("recipe", "the name of a recipe, a .toml file or a Recipe", self.recipe)
        if self.weights is not None and self.model is not None:
            raise self.error("`weights` and `model` both name a network: give one of them.")
        if self.freeze is not None and self.weights is None:
            raise self.error("`freeze` keeps trained weights as they are: name them with `weights`.")
        if self.time_budget is not None and self.epochs is not None:
            raise self.error("`epochs` and `time_budget` both say how long to train: give one of them.")
        _ = self.seconds
        if self.fold_of_folds is not None and not 0 <= self.fold_of_folds[0] < self.fold_of_folds[1] >= 2:
            self.refuse("fold", 'a part such as "2/5", of at least two', self.fold)
        self._check_keras_objects()
        force_setattr(self, "data", open_given(self.data))  # last: it is the only check that takes time

    def _check_keras_objects(self) -> None:
        optimizer, callbacks = self.optimizer, self.callbacks
        if is_instance(optimizer, "Optimizer"):
            force_setattr(self, "optimizer", serialize_optimizer(optimizer))
        elif optimizer is not None and not is_serialized(optimizer):
            self.refuse("optimizer", _OPTIMIZER, optimizer)
        if callbacks is None:
            return
        if not isinstance(callbacks, list | tuple):
            self.refuse("callbacks", _CALLBACKS, callbacks)
        for callback in callbacks:
            if not (isinstance(callback, str) or is_instance(callback, "Callback")):
                self.refuse("callbacks", _CALLBACKS, callback)
        force_setattr(self, "callbacks", tuple(callbacks) or None)

    def refuse(self, name: str, allowed: str, value: Any) -> None:
        error = DataError if name in _OF_DATA else self.error
        allowed = "the path of a folder" if name == "search_dir" else allowed
        raise error(f"{name} must be {allowed}; got {describe_value(value)}.")

    @property
    def seconds(self) -> float | None:
        """The time budget; None without one."""
        return None if self.time_budget is None else parse_duration("time_budget", self.time_budget)

    @property
    def fold_of_folds(self) -> tuple[int, int] | None:
        """(1, 5) for the fold "2/5"; None without folds."""
        if self.fold is None:
            return None
        fold, _, folds = self.fold.partition("/")
        return int(fold) - 1, int(folds)

    def to_table(self) -> dict[str, Any]:
        """As the table [train] of run.toml; what was not asked is left out.

        What lies in memory is recorded as far as it can be: data by a word, a network, a recipe and callbacks by their
        names, an optimizer by its configuration.
        """
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, value in values.items():
            if isinstance(value, Recipe | NetworkSpec | GivenNetwork):
                values[name] = value.name
        if not isinstance(self.data, str):
            values["data"] = GIVEN
        if self.callbacks is not None:
            values["callbacks"] = [
                callback if isinstance(callback, str) else type(callback).__name__
                for callback in self.callbacks
            ]
        for name in ("engine", "report"):  # written, unless it is not wanted
            if values[name]:
                values[name] = None
        return {name: value for name, value in values.items() if value is not None}

    @classmethod
    def pick(cls, arguments: Mapping[str, Any]) -> "TrainOptions":
        """The options among the arguments of a function or a command, by their names.

        Raises:
            DataError, RecipeError: as for the class.
        """
        return cls(**{field.name: arguments[field.name] for field in fields(cls) if field.name in arguments})

    @classmethod
    def from_table(cls, table: dict[str, Any]) -> "TrainOptions":
        """The options that `to_table` wrote.

        A recipe, a network and callbacks of the user's own are only names in it, and data only the word `GIVEN`.

        Raises:
            DataError, RecipeError: for a key that is unknown or a value out of range.
        """
        return read_table(cls, table, "train")
