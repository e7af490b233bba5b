"""A recipe: everything about a training but the data and the network, as one frozen value."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import fields, force_setattr, replace

from residual import augment
from residual._checked import Checked, Count, Whole, read_table
from residual.augment import AUGMENTATIONS, Augmentation
from residual.training import schedules
from residual.training.optimizers import OPTIMIZERS
from residual.training.schedules import SCHEDULES, Schedule

FREEZE = r"^(none|body|stem|stage[1-9]\d{0,2})$"
FREEZE_WORDS = "none, body, or the last part that is frozen: stem, stage1, stage2, ..."
NORMALIZATIONS = {
    "scale": "pixels / 255",
    "channel": "minus the mean and divided by the deviation of each colour in the training images",
    "mean-image": "(pixels - mean training image) / 255",
}
STATISTICS = {
    "batch": "those of each batch; after the training they are recomputed",
    "kept": "those that the weights came with; they are not changed",
    "adapted": "recomputed on the training images before anything is trained, and then kept",
}
SIZES = "pairs [share of the epochs, side in pixels], shares ascending from 0, sides ascending"
BelowOne = Annotated[float, Meta(ge=0, lt=1)]
Momentum = Annotated[BelowOne | Literal["auto"], Meta(description='"auto" or a momentum from 0 to below 1')]


class Recipe(Checked, frozen=True):
    """How to train.

    Attributes:
        name: what `recipe="..."` calls it.
        about: one line on what it is for.
        model: the network it was made for; used if the user names none.
        epochs: passes over the training images; 0 if the head is fitted and nothing else is trained.
        batch_size: images per step.
        optimizer: a key of `optimizers.OPTIMIZERS`: "adam", "adamw", "muon" or "sgd" (Nesterov momentum 0.9).
        schedule: the learning rate of every step; nothing else changes the rate.
        weight_decay: decoupled decay of kernels (not of biases and norms), times the learning rate; with "muon" only
            of those that it does not turn.
        bias_rate: the biases of batch norms learn at the learning rate times this.
        label_smoothing: share of the label spread over all classes.
        batch_norm: momentum of the moving statistics: "auto" lets it follow the number of steps.
        normalization: a key of `NORMALIZATIONS`, fitted on the training images and kept inside the model.
        augment: applied to every training batch, in turn.
        keep: whose weights are kept: "auto" for the latest epoch that is not worse than the best one by more than the
            chance of so few validation images, "best" for the one with the highest validation accuracy, or "last".
        calibrate: divide the logits by the temperature that the validation images ask for, in the last layer's weights.
        head: how the last layer begins: "random", or "fitted" by softmax regression on the features of the training
            images, computed once; its decay is chosen on images that it is not fitted on (`training.probe`).
        freeze: "none"; "body" for all but the head; or the last part that stays as it is, such as "stage2".
        unfreeze: share of the epochs over which the stages are unfrozen, the last one first; 0 trains all at once.
        depth_decay: the learning rate of each stage is that of the stage after it times this; the head has the whole.
        statistics: of batch norms, a key of `STATISTICS`.
        average: share of the training that a moving average of the weights looks back on, such as 0.05; the averaged
            weights are what is validated, kept and saved (`callbacks.average_weights`). 0 takes the weights themselves.
        sizes: smaller images at first: pairs (share of the epochs, shorter side in pixels), as ((0, 20), (0.5, 32)).
            Each side is used from its share on; validation always has the whole images. () scales nothing.
        expected: what it reached, where and in what time, as measured.
    """

    name: str
    about: str
    model: str
    epochs: Whole
    batch_size: Count
    optimizer: str
    schedule: Schedule
    weight_decay: Annotated[float, Meta(ge=0, lt=1e30, description="a number from 0")] = 0.0
    bias_rate: Annotated[float, Meta(gt=0, le=1000)] = 1.0
    label_smoothing: BelowOne = 0.0
    batch_norm: Momentum = "auto"
    normalization: str = "channel"
    augment: tuple[Augmentation, ...] = ()
    keep: Literal["auto", "best", "last"] = "auto"
    calibrate: bool = True
    head: Literal["random", "fitted"] = "random"
    freeze: Annotated[str, Meta(pattern=FREEZE, description=FREEZE_WORDS)] = "none"
    unfreeze: BelowOne = 0.0
    depth_decay: Annotated[float, Meta(gt=0, le=1)] = 1.0
    statistics: Literal["batch", "kept", "adapted"] = "batch"
    average: BelowOne = 0.0
    sizes: Annotated[tuple[tuple[BelowOne, Count], ...], Meta(description=SIZES)] = ()
    expected: str = ""

    def __post_init__(self):
        super().__post_init__()
        for name, table in (("optimizer", OPTIMIZERS), ("normalization", NORMALIZATIONS)):
            if getattr(self, name) not in table:
                self.refuse(name, f"one of {', '.join(table)}", getattr(self, name))
        if not self.epochs and self.head != "fitted":
            self.refuse("epochs", 'a whole number from 1, or 0 with the head "fitted"', self.epochs)
        if type(self.schedule) not in SCHEDULES:
            self.refuse("schedule", f"one of {', '.join(cls.__name__ for cls in SCHEDULES)}", self.schedule)
        columns = [list(column) for column in zip(*self.sizes, strict=True)]
        if any(column != sorted(set(column)) for column in columns) or (columns and columns[0][0] != 0):
            self.refuse("sizes", SIZES, self.sizes)
        if self.sizes and self.normalization == "mean-image":
            self.refuse("normalization", "scale or channel in a recipe with sizes", self.normalization)
        entries = self.augment if isinstance(self.augment, list | tuple) else (self.augment,)
        force_setattr(self, "augment", tuple(entries))
        if unknown := [entry for entry in entries if type(entry) not in AUGMENTATIONS]:
            names = ", ".join(cls.__name__ for cls in AUGMENTATIONS)
            self.refuse("augment", f"made of {names}, which a run can record and resume with", unknown[0])

    def describe_kind(self) -> str:
        return f"recipe {self.name}"

    def to_table(self) -> dict:
        """As a TOML document's table; `from_table` reads it back."""
        return msgspec.to_builtins(self)

    @classmethod
    def from_table(cls, table: dict) -> "Recipe":
        """The recipe that `to_table` wrote.

        Raises:
            RecipeError: for a value that is unknown, missing or out of range.
        """
        if not isinstance(table, dict):
            return read_table(cls, table, "recipe")
        values = dict(table)
        if "schedule" in values:
            values["schedule"] = schedules.from_table(values["schedule"])
        entries = values.get("augment", [])
        if not isinstance(entries, list | tuple):
            raise cls.error(f"augment: must be a list of tables; got {entries!r}.")
        values["augment"] = tuple(augment.from_table(entry) for entry in entries)
        return read_table(cls, values, "recipe")

    def in_epochs(self, epochs: int) -> "Recipe":
        """The recipe in so many epochs, its whole schedule shrunk or stretched to them.

        Raises:
            RecipeError: if it trains no epochs.
        """
        if not self.epochs:
            raise self.error(f"recipe {self.name} fits the head and trains no epochs: leave `epochs` out.")
        schedule = self.schedule.stretch(epochs / self.epochs)
        return replace(self, epochs=epochs, schedule=schedule, expected="")

    def in_miniature(self) -> "Recipe":
        """The recipe in about a sixtieth of its epochs, at least two, its schedule shrunk with them.

        It shows in minutes that everything runs, before the hours of the whole; its accuracy says little.
        """
        if not self.epochs:
            return self
        epochs = max(2, round(self.epochs / 60))
        name, about = f"{self.name}-mini", f"{self.name} in {epochs} epochs, to see that it runs"
        return replace(self.in_epochs(epochs), name=name, about=about)


def find_differences(one: Recipe, other: Recipe) -> dict[str, tuple]:
    """The values in which two recipes differ, name and description apart."""
    names = [field.name for field in fields(Recipe) if field.name not in ("name", "about", "expected")]
    pairs = {name: (getattr(one, name), getattr(other, name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
