"""Tables that say which image has which label: CSV, TSV or JSON lines of a path and a label per row."""

import csv
import json
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from residual.data.limits import MOST_BYTES, told
from residual.data.raw import Entry, Raw, ordered, part_named, settled
from residual.errors import DataError

SUFFIXES = (".csv", ".tsv", ".jsonl")
COLUMNS = {
    "path": ("path", "file", "filename", "file_name", "filepath", "image"),
    "label": ("label", "class", "category", "target"),
    "split": ("split", "part", "subset"),
    "group": ("group",),
}


def read_manifest(path: Path, columns: dict[str, str] | None = None) -> Raw:
    """The images that a table names, each by a path from the table's folder.

    The first row of a CSV names the columns; a .jsonl has an object per line. A column `split` says train,
    val or test; images of one `group` (the person, the camera, the day) stay in one part.

    Args:
        path: .csv, .tsv or .jsonl.
        columns: which column is the "path", "label", "split" or "group", where it has none of the usual names.

    Raises:
        DataError: naming the table and its line, when something is missing or is not text.
    """
    rows = list(_rows(path))
    if not rows:
        raise DataError(f"{path} has no rows. It needs a path and a label per image.")
    names = _chosen(path, list(rows[0][1]), columns or {})
    values = {
        role: [_text(path, line, row, name) for line, row in rows]
        for role, name in names.items()
        if name is not None
    }
    classes = ordered(values["label"])
    parts = _parts(path, [line for line, _ in rows], values.get("split"))
    index = {name: i for i, name in enumerate(classes)}
    entries = [
        Entry(name, part, index[label])
        for name, part, label in zip(values["path"], parts, values["label"], strict=True)
    ]
    groups = np.unique(values["group"], return_inverse=True)[1] if "group" in values else None
    return Raw(
        name=path.stem,
        layout="a table of paths and labels",
        where=str(path),
        classes=classes,
        entries=entries,
        open=lambda i: _read(path, entries[i].name),
        groups=groups,
        made_test="test" not in parts,
    )


def _read(table: Path, name: str) -> bytes:
    file = Path(name) if Path(name).is_absolute() else table.parent / name
    try:
        status = file.stat()
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):  # a device may never end
            raise DataError(
                f"{table} names {name!r}, which is no file but a pipe or device. Name image files."
            )
        if status.st_size > MOST_BYTES:
            raise DataError(
                f"{table} names {name!r} of {told(status.st_size)}, more than an image file may have: "
                f"{told(MOST_BYTES)}."
            )
        return file.read_bytes()
    except DataError:
        raise
    except ValueError as error:  # a null byte
        raise DataError(f"{table} names {name!r}, which is no path: {error}.") from None


def _rows(path: Path) -> Iterator[tuple[int, dict]]:
    """(line, values by column) of every row that is not blank."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _json_rows(path, file) if path.suffix.lower() == ".jsonl" else _csv_rows(path, file)
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8 text. Save it as UTF-8.") from None


def _csv_rows(path: Path, file: Iterable[str]) -> Iterator[tuple[int, dict]]:
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


def _json_rows(path: Path, file: Iterable[str]) -> Iterator[tuple[int, dict]]:
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


def _chosen(path: Path, held: list[str], asked: dict[str, str]) -> dict[str, str | None]:
    """The column of every role."""
    unknown = sorted(set(asked) - set(COLUMNS))
    if unknown:
        raise DataError(f"{path}: {unknown[0]} must be one of {', '.join(COLUMNS)}.")
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


def _text(path: Path, line: int, row: dict, name: str) -> str:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise DataError(f"{path} line {line} has no {name}: {value!r}. Every row needs one.")
    return str(value).strip()


def _parts(path: Path, lines: list[int], values: list[str] | None) -> list[str]:
    if values is None:
        return ["train"] * len(lines)
    parts = [part_named(value) for value in values]
    for line, value, part in zip(lines, values, parts, strict=True):
        if part is None:
            raise DataError(f"{path} line {line}: split must be train, val or test; got {value!r}.")
    if "train" not in parts:
        raise DataError(f"{path} has no training images: no row whose split is train.")
    taken_for = settled({part for part in parts if part})
    return [taken_for[part] for part in parts if part]
