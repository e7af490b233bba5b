"""Data sets of the Hugging Face hub, through the optional library `datasets`."""

import numpy as np

from residual.data.raw import Entry, Raw, ordered, part_named, settled
from residual.errors import DataError

PREFIX = "hf://"
ROLES = ("image", "label", "config", "revision")


def read_hub(address: str, asked: dict[str, str] | None = None) -> Raw:
    """A data set by its name on the hub, which `datasets` downloads once and keeps in its own cache.

    No code of the data set is run. The columns are found by their types: the only images and the only class
    labels.

    Args:
        address: "hf://owner/name".
        asked: "image" and "label" name the columns where there are several, "config" and "revision" choose
            among versions.

    Raises:
        DataError: when `datasets` is not installed, the data set cannot be had, or a column is missing.
    """
    chosen = asked or {}
    unknown = sorted(set(chosen) - set(ROLES))
    if unknown:
        raise DataError(f"{address}: {unknown[0]} must be one of {', '.join(ROLES)}.")
    splits = _loaded(address, chosen)
    known = {part: name for name in splits if (part := part_named(name))}
    if "train" not in known:
        raise DataError(f"{address} has no training images; its splits are {', '.join(splits) or 'none'}.")
    taken_for = settled(set(known))
    tables = {taken_for[part]: splits[name] for part, name in known.items()}
    image, label = (_column(address, tables["train"].features, role, chosen) for role in ("image", "label"))
    labels, classes = _labels(address, tables, label)
    entries = [
        Entry(f"{part}[{row}]", part, value) for part in tables for row, value in enumerate(labels[part])
    ]
    starts = dict(zip(tables, np.cumsum([0, *map(len, labels.values())]), strict=False))
    raw_tables = {part: _undecoded(table, image) for part, table in tables.items()}

    def open_entry(i: int) -> bytes:
        part = entries[i].part
        cell = raw_tables[part][i - int(starts[part])][image]
        return _content(address, entries[i].name, cell)

    return Raw(
        name=address.removeprefix(PREFIX).rsplit("/", 1)[-1],
        layout="a data set of the Hugging Face hub",
        where=address,
        classes=classes,
        entries=entries,
        open=open_entry,
        made_test="test" not in tables,
    )


def _loaded(address: str, chosen: dict[str, str]) -> dict:
    try:
        import datasets
    except ImportError:
        raise DataError(f"Reading {address} needs datasets: pip install 'residual[hub]'.") from None
    try:
        return datasets.load_dataset(
            address.removeprefix(PREFIX), name=chosen.get("config"), revision=chosen.get("revision")
        )
    except Exception as error:  # of the network, the hub, or the data set itself
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{address} cannot be had from the Hugging Face hub: {reason}") from None


def _column(address: str, features: dict, role: str, chosen: dict[str, str]) -> str:
    """The column asked for, or the only one whose feature is an Image or a ClassLabel."""
    kind = {"image": "Image", "label": "ClassLabel"}[role]
    usual = {"image": ("image", "img"), "label": ("label", "labels", "fine_label")}[role]
    fitting = [name for name, feature in features.items() if type(feature).__name__ == kind]
    name = chosen.get(role) or (fitting[0] if len(fitting) == 1 else None)
    name = name or next((name for name in usual if name in features), None)
    if name not in features:
        raise DataError(
            f"{address} has no column {name or role}; it has {', '.join(features)}. "
            f"Say which it is: {address}::{role}=COLUMN"
        )
    return name


def _labels(address: str, tables: dict, label: str) -> tuple[dict[str, list[int]], tuple[str, ...]]:
    """Class numbers of every part, and the class names."""
    columns = {part: list(table[label]) for part, table in tables.items()}
    names = getattr(tables["train"].features[label], "names", None)
    if names:
        known = set(range(len(names)))
        if not all(value in known for column in columns.values() for value in column):
            raise DataError(f"{address} has rows without a label in column {label}.")
        return columns, tuple(names)
    if any(value is None for column in columns.values() for value in column):
        raise DataError(f"{address} has rows without a label in column {label}.")
    classes = ordered(str(value) for column in columns.values() for value in column)
    index = {name: i for i, name in enumerate(classes)}
    return {part: [index[str(value)] for value in column] for part, column in columns.items()}, classes


def _undecoded(table, image: str):
    """The table with image files as bytes, so that they are read here, by the same rules as all others."""
    import datasets

    return table.cast_column(image, datasets.Image(decode=False))


def _content(address: str, name: str, cell: dict | None) -> bytes:
    if cell and cell.get("bytes"):
        return cell["bytes"]
    if cell and cell.get("path"):
        with open(cell["path"], "rb") as file:
            return file.read()
    raise DataError(f"{address} {name} holds no image.")
