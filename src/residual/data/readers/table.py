"""Tables that say which image has which label: a path and a label per row, or a column of 0 and 1 for each class."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from residual.data.folders import has_class_folders, list_folder
from residual.data.images import SPLITS
from residual.data.labels import cut_zeros, describe_labels
from residual.data.location import Location
from residual.data.passed_over import PassedOver
from residual.data.source import FileSource
from residual.data.table_file import (
    BINARY,
    COLUMNS,
    DOUBTFUL_SUFFIXES,
    SUFFIXES,
    Table,
    peek_table,
    read_table,
)
from residual.data.table_images import find_images, read_image_file
from residual.data.words import find_split, normalize, order_classes, parse_split
from residual.errors import DataError

_NOT_TABLES = ("submission", "meta", "words")
_FOLDS = ("fold", "folds", "kfold", "kfolds", "cvfold")
_STEMS = (
    "labels",
    "label",
    "annotations",
    "gt",
    "list",
)  # of lists in .txt and .json, beside words for splits
_MOST_LISTS = 20  # files in .txt and .json that are looked at


class TableReader:
    """Reads the images that a table names, or a folder with such a table, or with one for each split.

    The first row of a CSV names the columns, if it holds no image; a .jsonl has an object per line. A column `split`
    says train, val or test; images of one `group` (the person, the camera, the day) stay in one split. Options say
    which column is which, if it has none of the usual names.
    """

    name = "table"
    label = "a table of paths and labels"
    suffixes: tuple[str, ...] = SUFFIXES
    options: frozenset[str] = frozenset((*COLUMNS, "white", "decode"))

    def matches(self, location: Location) -> bool:
        """By the ending; a folder by a table in it, if it has no class folders."""
        if location.is_folder():
            return bool(_find_tables(location.file)) and not has_class_folders(location.file)
        if location.is_file(*DOUBTFUL_SUFFIXES):
            return location.file.is_file() and _has_labels(location.file)
        return location.is_file(*self.suffixes)

    def open(self, location: Location) -> FileSource:
        """The images of a table, or of one for each split.

        Raises:
            DataError: naming the table and its line, if something is missing or is not text.
        """
        path = location.file
        tables = _find_tables(path) if path.is_dir() else _find_partners(path)
        parts = [_read_part(table, split, location.options) for split, table in tables.items()]
        notes = [note for part in parts for note in part.notes]
        if path.is_dir() or len(tables) > 1:
            listed = ", ".join(
                os.path.relpath(table, path if path.is_dir() else path.parent) for table in tables.values()
            )
            notes.insert(0, f"the labels are those in {listed}")
        classes = order_classes(label for part in parts for label in part.labels)
        index = {name: i for i, name in enumerate(classes)}
        files = [(part.table, name) for part in parts for name in part.paths]
        splits = np.concatenate([part.splits for part in parts])
        if not (splits == SPLITS.index("train")).any():
            raise DataError(f"{path} has no training images: no row whose split is train.")
        groups = [group for part in parts for group in part.groups]
        return FileSource(
            name=path.stem if path.is_file() else path.resolve().name,
            layout=self.label,
            where=str(path),
            classes=classes,
            names=[_name(path, table, name) for table, name in files],
            labels=np.array([index[label] for part in parts for label in part.labels], np.int64),
            splits=splits,
            groups=np.unique(groups, return_inverse=True)[1] if len(groups) == len(files) else None,
            notes=tuple(dict.fromkeys(notes)),
            passed_over=(*_find_unlabelled(path), *_find_unnamed(path, files)),
            is_seekable=True,
            opener=lambda i: read_image_file(*files[i]),
        )


@dataclass
class _Part:
    """The rows of one table."""

    table: Path
    paths: list[str]
    labels: list[str]
    splits: np.ndarray
    groups: list[str]
    notes: list[str] = field(default_factory=list)


def _name(top: Path, table: Path, name: str) -> str:
    """What a person finds an image by: its path from the folder that was named, or from the table."""
    if top.is_file() or table.parent == top or os.path.isabs(name):
        return name
    return os.path.join(os.path.relpath(table.parent, top), name)


def _find_tables(folder: Path) -> dict[str, Path]:
    """{split: table} of tables with paths and labels in a folder or in its folders of splits; {} without any."""
    inside = [file for file in _list_tables(folder) if _has_labels(file)]
    by_split = {split: file for file in inside if (split := parse_split(file.stem)[0])}
    if "train" in by_split:
        return {split: by_split[split] for split in SPLITS if split in by_split}
    if len(inside) == 1:
        return {"train": inside[0]}
    if inside:
        return {}
    below = {}
    for inner in sorted(folder.iterdir()):
        split = find_split(inner.name) if inner.is_dir() else None
        tables = [file for file in _list_tables(inner) if _has_labels(file)] if split else []
        if split and len(tables) == 1:
            below[split] = tables[0]
    return {split: below[split] for split in SPLITS if split in below} if "train" in below else {}


def _list_tables(folder: Path) -> list[Path]:
    """Tables by their ending; of those that may be something else the ones that are called as tables are."""
    found = [
        file
        for suffix in SUFFIXES
        for file in sorted(folder.glob(f"*{suffix}"))
        if (file.is_file() and not any(word in file.stem.lower() for word in _NOT_TABLES))
        or file.stem.lower() == "metadata"
    ]
    doubtful = (file for suffix in DOUBTFUL_SUFFIXES for file in folder.glob(f"*{suffix}"))
    named = (file for file in doubtful if file.stem.lower() in _STEMS or parse_split(file.stem)[0])
    return [*found, *sorted(file for file in islice(named, _MOST_LISTS) if file.is_file())]


def _has_labels(path: Path) -> bool:
    table = peek_table(path)
    if not table.rows or not table.find_column("path"):
        return False
    try:
        return bool(table.find_column("label") or table.find_one_hot())
    except DataError:  # rows of several classes: the reader says it
        return True


def _find_partners(path: Path) -> dict[str, Path]:
    """A table, and if it is called train those of the other splits beside it: train_labels.csv and test_labels.csv."""
    split, rest = parse_split(path.stem)
    if split != "train":
        return {"train": path}
    found = {"train": path}
    for file in sorted(path.parent.glob(f"*{path.suffix}")):
        other, words = parse_split(file.stem)
        if other and other not in found and words == rest and file.is_file() and _has_labels(file):
            found[other] = file
    return {split: found[split] for split in SPLITS if split in found}


def _find_unlabelled(path: Path) -> list[PassedOver]:
    """Tables of other splits beside a table that have no labels."""
    if path.is_dir():
        files = _list_tables(path)
    elif parse_split(path.stem)[0] == "train":
        files = sorted(path.parent.glob(f"*{path.suffix}"))
    else:
        return []
    top = path if path.is_dir() else path.parent
    return [
        PassedOver(os.path.relpath(file, top), "a table without labels")
        for file in files
        if file != path and parse_split(file.stem)[0] and file.is_file() and not _has_labels(file)
    ]


def _read_part(path: Path, split: str, options: Mapping[str, str]) -> _Part:
    table = read_table(path)
    notes: list[str] = []
    columns = _choose_columns(table, options, notes)
    paths = table.read_column(columns["path"])
    if "label" in columns:
        labels = cut_zeros(table.read_column(columns["label"]))
        notes += describe_labels(labels, f"{path.name}, column {columns['label']}")
    else:
        names = table.find_one_hot()
        places = [table.header.index(name) for name in names]
        labels = [
            names[[BINARY[str(row[place]).strip().lower()] for place in places].index(1)]
            for row in table.rows
        ]
        notes.append(f"the class is the column with a 1: {', '.join(names[:6])}")
    splits = np.full(len(paths), SPLITS.index(split), np.uint8)
    if "split" in columns:
        splits = _read_splits(table, table.read_column(columns["split"]))
    elif flag := table.find_split_flag():
        splits, note = _read_flags(table, *flag)
        notes.append(note)
    notes += [
        f"column {name} is not read: the images of all folds are together"
        for name in table.header
        if normalize(name) in _FOLDS
    ]
    found = find_images(path, paths, split)
    if found != [name.replace("\\", "/") for name in paths]:
        first = next(i for i, name in enumerate(paths) if found[i] != name)
        notes.append(f"{path.name} names {paths[first]!r}, which is {found[first]}")
    groups = table.read_column(columns["group"]) if "group" in columns else []
    return _Part(path, found, labels, splits, groups, notes)


def _choose_columns(table: Table, options: Mapping[str, str], notes: list[str]) -> dict[str, str]:
    """The column of every role that the table has."""
    path, held = table.path, table.header
    chosen: dict[str, str] = {}
    for role in COLUMNS:
        usual = table.find_column(role)
        name = options.get(role) or next((name for name in usual if name not in chosen.values()), None)
        if name in held:
            chosen[role] = name or ""
        elif name or role == "path" or (role == "label" and not table.find_one_hot()):
            raise DataError(
                f"{path} has no column {name or role}; it has {', '.join(held) or 'none'}. "
                f"Say which it is: {path}::{role}=COLUMN"
            )
        if role == "label" and role not in options and len(usual) > 1:
            notes.append(f"the labels are in column {name}; {path.name}::label={usual[1]} takes {usual[1]}")
    return chosen


def _read_splits(table: Table, values: list[str]) -> np.ndarray:
    known = {value: find_split(value) for value in set(values)}
    for line, value in zip(table.lines, values, strict=True):
        if known[value] is None:
            raise DataError(
                f"{table.path} line {line}: split must be train, val or test; got {value!r}. Write these words in the "
                "column, or rename it if it says something else."
            )
    return np.array([SPLITS.index(known[value] or "") for value in values], np.uint8)


def _read_flags(table: Table, column: str, split: str) -> tuple[np.ndarray, str]:
    """Splits by a column that says yes or no: is_valid, is_train."""
    other = "test" if split == "train" else "train"
    flags = [BINARY[value.lower()] for value in table.read_column(column)]
    splits = np.where(flags, SPLITS.index(split), SPLITS.index(other)).astype(np.uint8)
    return splits, f"column {column} says which images are for {split}; the others are for {other}"


def _find_unnamed(path: Path, files: list[tuple[Path, str]]) -> list[PassedOver]:
    """Images in a folder that was named, of which no row of its tables speaks."""
    if not path.is_dir():
        return []
    listing = list_folder(path)
    named = {os.path.normpath(os.path.relpath(table.parent / name, path)) for table, name in files}
    return [
        PassedOver(name, "in no row of the table")
        for name in listing.list_images(listing.top)
        if name not in named
    ]
