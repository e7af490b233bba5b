"""Data sets of the Hugging Face hub, through the optional library `datasets`."""

import numpy as np

from residual._text import first_line
from residual.data.columns import Numbered, fill_splits
from residual.data.images import SPLITS
from residual.data.location import Location
from residual.data.source import FileSource
from residual.data.words import LABEL_COLUMNS, find_split, normalize, order_classes
from residual.errors import DataError

PREFIX = "hf://"


class HubReader:
    """Reads a data set by its name on the hub, which `datasets` downloads once and keeps in its own cache.

    No code of the data set is run. The columns are found by their types: the only images and the only class
    labels. Options name them if there are several, and choose among versions.
    """

    name = "hub"
    label = "a data set of the Hugging Face hub"
    suffixes: tuple[str, ...] = ()
    options: frozenset[str] = frozenset(("image", "label", "config", "revision"))

    def matches(self, location: Location) -> bool:
        """By the beginning of the address."""
        return location.address.startswith(PREFIX)

    def open(self, location: Location) -> FileSource:
        """The images of a data set.

        Raises:
            DataError: if `datasets` is not installed, the data set cannot be had, or a column is missing.
        """
        address, chosen = location.address, location.options
        tables = _load_tables(address, chosen)
        image, label = (_find_column(address, tables["train"].features, role, chosen) for role in _TYPES)
        labels, classes = _read_labels(address, tables, label)
        counts = {split: len(labels[split]) for split in tables}
        starts = dict(zip(tables, np.cumsum([0, *counts.values()]).tolist(), strict=False))
        undecoded = {split: _leave_undecoded(table, image) for split, table in tables.items()}
        names = Numbered([(f"{split}[", "]") for split in tables], list(counts.values()))
        splits = fill_splits(counts)

        def open_row(i: int) -> bytes:
            split = SPLITS[splits[i]]
            return _read_cell(f"{address} {names[i]}", undecoded[split][i - starts[split]][image])

        return FileSource(
            name=address.removeprefix(PREFIX).rsplit("/", 1)[-1],
            layout=self.label,
            where=address,
            classes=classes,
            names=names,
            labels=np.array([value for column in labels.values() for value in column], np.int64),
            splits=splits,
            opener=open_row,
        )


# The type that `datasets` gives a column, and its usual names.
_TYPES = {
    "image": ("Image", ("image", "img")),
    "label": ("ClassLabel", ("label", "labels", "fine_label")),
}


def _load_tables(address: str, chosen: dict[str, str]) -> dict:
    """The table of each split, in the order of `SPLITS`."""
    tables = _download(address, chosen)
    known: dict[str, str] = {}
    for name in tables:
        if split := find_split(name):
            known[split] = name
    if "train" not in known:
        raise DataError(f"{address} has no training images; its splits are {', '.join(tables) or 'none'}.")
    return {split: tables[known[split]] for split in SPLITS if split in known}


def _download(address: str, chosen: dict[str, str]) -> dict:
    try:
        import datasets
    except ImportError:
        raise DataError(f"Reading {address} needs datasets: pip install 'residual-learning[hub]'.") from None
    try:
        return datasets.load_dataset(
            address.removeprefix(PREFIX), name=chosen.get("config"), revision=chosen.get("revision")
        )
    except Exception as error:  # of the network, the hub, or the data set itself
        reason = first_line(error)
        raise DataError(f"{address} cannot be had from the Hugging Face hub: {reason}") from None


def _find_column(address: str, features: dict, role: str, chosen: dict[str, str]) -> str:
    """The column asked for, or the only one whose feature is an Image or a ClassLabel."""
    kind, usual = _TYPES[role]
    fitting = [name for name, feature in features.items() if type(feature).__name__ == kind]
    name = chosen.get(role) or (fitting[0] if len(fitting) == 1 else None)
    name = name or next((name for name in usual if name in features), None)
    if name is None and role == "label":
        name = next((name for name in features if normalize(name) in LABEL_COLUMNS), None)
    if name not in features:
        raise DataError(
            f"{address} has no column {name or role}; it has {', '.join(features)}. "
            f"Say which it is: {address}::{role}=COLUMN"
        )
    return name


def _read_labels(address: str, tables: dict, label: str) -> tuple[dict[str, list[int]], tuple[str, ...]]:
    """Class numbers of every split, and the class names."""
    columns = {split: list(table[label]) for split, table in tables.items()}
    names = getattr(tables["train"].features[label], "names", None)
    if names:
        known = set(range(len(names)))
        if not all(value in known for column in columns.values() for value in column):
            raise DataError(f"{address} has rows without a label in column {label}.")
        return columns, tuple(names)
    if any(value is None for column in columns.values() for value in column):
        raise DataError(f"{address} has rows without a label in column {label}.")
    classes = order_classes(str(value) for column in columns.values() for value in column)
    index = {name: i for i, name in enumerate(classes)}
    return {split: [index[str(value)] for value in column] for split, column in columns.items()}, classes


def _leave_undecoded(table, image: str):
    """The table with image files as bytes, so that they are read here, by the same rules as all others."""
    import datasets

    return table.cast_column(image, datasets.Image(decode=False))


def _read_cell(where: str, cell: dict | None) -> bytes:
    if cell and cell.get("bytes"):
        return cell["bytes"]
    if cell and cell.get("path"):
        with open(cell["path"], "rb") as file:
            return file.read()
    raise DataError(f"{where} holds no image.")
