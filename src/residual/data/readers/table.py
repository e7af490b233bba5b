"""Tables that say which image has which label: CSV, TSV or JSON lines of a path and a label per row."""

import csv
import json
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from residual._text import format_bytes
from residual.data.images import SPLITS
from residual.data.limits import MOST_BYTES
from residual.data.location import Location
from residual.data.names import assign_splits, find_split, order_classes
from residual.data.source import FileSource
from residual.errors import DataError

COLUMNS = {
    "path": ("path", "file", "filename", "file_name", "filepath", "image"),
    "label": ("label", "class", "category", "target"),
    "split": ("split", "part", "subset"),
    "group": ("group",),
}


class TableReader:
    """Reads the images that a table names, each by a path from the table's folder.

    The first row of a CSV names the columns; a .jsonl has an object per line. A column `split` says train,
    val or test; images of one `group` (the person, the camera, the day) stay in one split. Options say which
    column is which, if it has none of the usual names.
    """

    name = "table"
    label = "a table of paths and labels"
    suffixes: tuple[str, ...] = (".csv", ".tsv", ".jsonl")
    options: frozenset[str] = frozenset(COLUMNS)

    def matches(self, location: Location) -> bool:
        """By the ending."""
        return location.is_file(*self.suffixes)

    def open(self, location: Location) -> FileSource:
        """The images of a table.

        Raises:
            DataError: naming the table and its line, if something is missing or is not text.
        """
        path = location.file
        rows = list(_read_rows(path))
        if not rows:
            raise DataError(f"{path} has no rows. It needs a path and a label per image.")
        columns = _choose_columns(path, list(rows[0][1]), location.options)
        values = {
            role: [_read_text(path, line, row, name) for line, row in rows]
            for role, name in columns.items()
            if name is not None
        }
        classes = order_classes(values["label"])
        index = {name: i for i, name in enumerate(classes)}
        names = values["path"]
        splits = _read_splits(path, [line for line, _ in rows], values.get("split"))
        return FileSource(
            name=path.stem,
            layout=self.label,
            where=str(path),
            classes=classes,
            names=names,
            labels=np.array([index[label] for label in values["label"]], np.int64),
            splits=splits,
            groups=np.unique(values["group"], return_inverse=True)[1] if "group" in values else None,
            made_test=not (splits == SPLITS.index("test")).any(),
            opener=lambda i: _read_image(path, names[i]),
        )


def _read_image(table: Path, name: str) -> bytes:
    file = Path(name) if Path(name).is_absolute() else table.parent / name
    try:
        status = file.stat()
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):  # a device may never end
            raise DataError(
                f"{table} names {name!r}, which is no file but a pipe or device. Name image files."
            )
        if status.st_size > MOST_BYTES:
            raise DataError(
                f"{table} names {name!r} of {format_bytes(status.st_size)}, more than an image file may have: "
                f"{format_bytes(MOST_BYTES)}."
            )
        return file.read_bytes()
    except DataError:
        raise
    except ValueError as error:  # a null byte
        raise DataError(f"{table} names {name!r}, which is no path: {error}.") from None


def _read_rows(path: Path) -> Iterator[tuple[int, dict]]:
    """(line, values by column) of every row that is not blank."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _read_json(path, file) if path.suffix.lower() == ".jsonl" else _read_csv(path, file)
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8 text. Save it as UTF-8.") from None


def _read_csv(path: Path, file: Iterable[str]) -> Iterator[tuple[int, dict]]:
    reader = csv.reader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
    try:
        header = next(reader, [])
        if len(set(header)) < len(header):
            raise DataError(f"{path} names a column twice in its first row: {', '.join(header)}.")
        for row in reader:
            if not row:
                continue
            if len(row) != len(header):
                raise DataError(
                    f"{path} line {reader.line_num} has {len(row)} values for {len(header)} columns: "
                    f"{', '.join(header)}. Put quotes around values that hold the separator."
                )
            yield reader.line_num, dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise DataError(f"{path} line {reader.line_num} is not readable CSV: {error}.") from None


def _read_json(path: Path, file: Iterable[str]) -> Iterator[tuple[int, dict]]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise DataError(f"{path} line {number} is not JSON. Every line must be one object.") from None
        if not isinstance(row, dict):
            raise DataError(f'{path} line {number} is not an object such as {{"path": ..., "label": ...}}.')
        yield number, row


def _choose_columns(path: Path, held: list[str], asked: dict[str, str]) -> dict[str, str | None]:
    """The column of every role."""
    chosen = {}
    for role, usual in COLUMNS.items():
        name = asked.get(role) or next((name for name in usual if name in held), None)
        if name not in held and (name or role in ("path", "label")):
            raise DataError(
                f"{path} has no column {name or role}; it has {', '.join(held) or 'none'}. "
                f"Say which it is: {path}::{role}=COLUMN"
            )
        chosen[role] = name
    return chosen


def _read_text(path: Path, line: int, row: dict, name: str) -> str:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise DataError(f"{path} line {line} has no {name}: {value!r}. Every row needs one.")
    return str(value).strip()


def _read_splits(path: Path, lines: list[int], values: list[str] | None) -> np.ndarray:
    if values is None:
        return np.zeros(len(lines), np.uint8)
    splits = [find_split(value) for value in values]
    for line, value, split in zip(lines, values, splits, strict=True):
        if split is None:
            raise DataError(f"{path} line {line}: split must be train, val or test; got {value!r}.")
    if "train" not in splits:
        raise DataError(f"{path} has no training images: no row whose split is train.")
    used = assign_splits(split for split in splits if split)
    return np.array([SPLITS.index(used[split]) for split in splits if split], np.uint8)
