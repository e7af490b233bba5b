"""run.toml as a typed value: what was asked, on which data, network and machine.

started = "2026-11-28T07:00:00+0000"
precision = "float32"

[train]                      what `train` was asked: the fields of TrainOptions
data = "digits"
seed = 0

[data]                       the images that were found
[network]                    name, source and the whole specification
[recipe]                     every value of the recipe
[machine]                    system, processor, cores, versions
[fastest]                    the fastest way of computing each layer shape, as measured here
"""

import tomllib
from typing import Any

import msgspec

from residual._toml import format_toml
from residual.errors import RunError


class DataRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The images of a run.

    Attributes:
        source: one sentence on where they come from.
        classes: names of the classes, in label order.
        train_images, validation_images, test_images: how many there are.
        image_size: (height, width) in pixels.
        test_fingerprint: hash of the test images.
        data_sha256: hash of all images, and of which are in which split.
        hash_style: how the two hashes are made; "" as version 0.1 made them.
    """

    source: str
    classes: tuple[str, ...]
    train_images: int
    validation_images: int
    test_images: int
    image_size: tuple[int, ...]
    test_fingerprint: str
    data_sha256: str = ""
    hash_style: str = ""


class NetworkRecord(msgspec.Struct, frozen=True):
    """The network of a run.

    Attributes:
        name: such as "resnet50".
        source: where it comes from.
        spec: the fields of its NetworkSpec.
    """

    name: str
    source: str
    spec: dict[str, Any]


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What run.toml holds.

    Attributes:
        started: date and time, ISO 8601.
        precision: that the network trains in.
        train: what was asked; `training.options.TrainOptions.from_table` reads it.
        data, network: that are trained.
        recipe: `training.recipe.Recipe.from_table` reads it; a time budget may have chosen its epochs.
        machine: system, processor, cores, versions.
        fastest: question -> answer of `backend.choice`; None before they are measured, and of version 0.1.
    """

    started: str
    precision: str
    train: dict[str, Any]
    data: DataRecord
    network: NetworkRecord
    recipe: dict[str, Any]
    machine: dict[str, str | int]
    fastest: dict[str, Any] | None = None

    def to_toml(self) -> str:
        """The text of run.toml."""
        table = {name: value for name, value in msgspec.to_builtins(self).items() if value is not None}
        return format_toml(table)


def parse_record(text: str) -> RunRecord:
    """The record in the text of run.toml, of this version or of version 0.1.

    Raises:
        ValueError: if the text is not TOML; `RunError` if a table, a key or a type is wrong.
    """
    table = tomllib.loads(text)
    try:
        record = msgspec.convert(table if "train" in table else convert_version_0_1(table), RunRecord)
    except msgspec.ValidationError as error:
        raise RunError(str(error).replace("`", "'")) from None  # in backquotes are names of arguments
    if not isinstance(record.train.get("data"), str):
        raise RunError("Object missing required field 'data' - at '$.train'")
    return record


def convert_version_0_1(table: dict[str, Any]) -> dict[str, Any]:
    """The table of a run.toml of version 0.1 in today's form.

    It kept what was asked at the top (seed, balance, budget) and among the facts on the data (asked, size, root,
    unreadable, validation_share).
    """
    values = {name: value for name, value in table.items() if name not in ("seed", "balance", "budget")}
    data = dict(table["data"]) if isinstance(table.get("data"), dict) else {}
    asked = {
        "data": data.pop("asked", None),
        "model": _find_name(table, "network"),
        "recipe": _find_name(table, "recipe"),
        "image_size": data.pop("size", None),
        "seed": table.get("seed"),
        "validation_split": data.pop("validation_share", None),
        "precision": table.get("precision"),
        "time_budget": table.get("budget"),
        "class_balance": table.get("balance"),
        "max_unreadable": data.pop("unreadable", None),
        "search_dir": data.pop("root", None),
    }
    train = {name: value for name, value in asked.items() if value is not None}
    return {**values, "train": train, "data": data}


def _find_name(table: dict[str, Any], key: str) -> str | None:
    inner = table.get(key)
    return inner.get("name") if isinstance(inner, dict) else None
