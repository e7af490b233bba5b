"""Tables on disk: CSV with any usual separator, TSV, lists in .txt, JSON and JSON lines, as rows under names."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

from residual.data.formats import UNREAD_SUFFIXES, get_suffix, list_suffixes
from residual.data.label_tables import find_separator
from residual.data.words import (
    GROUP_COLUMNS,
    LABEL_COLUMNS,
    PATH_COLUMNS,
    SPLIT_COLUMNS,
    find_split,
    normalize,
    split_words,
)
from residual.errors import DataError

SUFFIXES = (".csv", ".tsv", ".jsonl")
# May be tables too: their content says it.
DOUBTFUL_SUFFIXES = (".txt", ".json")
# The words that a column of each role is called by, the most usual one first.
COLUMNS = {"path": PATH_COLUMNS, "label": LABEL_COLUMNS, "split": SPLIT_COLUMNS, "group": GROUP_COLUMNS}
BINARY = {"0": 0, "0.0": 0, "false": 0, "no": 0, "1": 1, "1.0": 1, "true": 1, "yes": 1}
_KNOWN = {word for words in COLUMNS.values() for word in words} | {"pixels"}
_PEEKED = 20  # lines that tell the separator
_MOST_JSON = 256 * 2**20  # bytes of a .json, of which Python's objects take ten times as much


@dataclass
class Table:
    """The rows of one table.

    Attributes:
        path: the file.
        header: names of the columns; "column 1", ... if the file has none.
        lines: the line of each row, for errors.
        rows: cells of each row, text as a rule.
        has_header: whether the file names its columns.
    """

    path: Path
    header: list[str]
    lines: list[int]
    rows: list[list]
    has_header: bool = True

    def find_column(self, role: str) -> list[str]:
        """The columns that may have a role, the likeliest first: by their names, or by what is in the first rows."""
        words = COLUMNS[role]
        found = [name for name in self.header if normalize(name) in words]
        if found or role not in ("path", "label"):
            return sorted(found, key=lambda name: words.index(normalize(name)))
        paths = self._find_images()
        if role == "path":
            return paths
        rest = [name for name in self.header if name not in paths]
        return rest if paths and len(rest) == 1 and not self.has_header else []

    def _find_images(self) -> list[str]:
        """The columns whose first cells all end as images do."""
        rows = self.rows[:_PEEKED]
        return [
            name
            for place, name in enumerate(self.header)
            if rows and all(get_suffix(str(row[place]).strip()) in list_suffixes() for row in rows)
        ]

    def read_column(self, name: str) -> list[str]:
        """The text of each row in a column.

        Raises:
            DataError: naming the line, if a cell is empty or neither text nor a whole number.
        """
        place = self.header.index(name)
        return [
            self._read_cell(line, row[place], name) for line, row in zip(self.lines, self.rows, strict=True)
        ]

    def _read_cell(self, line: int, value, name: str) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
            raise DataError(f"{self.path} line {line} has no {name}: {value!r}. Every row needs one.")
        return str(value).strip()

    def find_split_flag(self) -> tuple[str, str] | None:
        """A column that says yes or no for a split, and the split: "is_valid" and "validation"."""
        for place, name in enumerate(self.header):
            first, *words = split_words(name) or [""]
            split = find_split(" ".join(words)) if first == "is" else None
            if split and all(str(row[place]).strip().lower() in BINARY for row in self.rows):
                return name, split
        return None

    def find_one_hot(self) -> list[str]:
        """The columns that have a single 1, and else 0, in each row; [] if there are not two of them.

        Raises:
            DataError: if a row has several classes, or none.
        """
        flags = self.find_split_flag() or ()
        binary = [
            (place, name)
            for place, name in enumerate(self.header)
            if all(str(row[place]).strip().lower() in BINARY for row in self.rows) and name not in flags
        ]
        if len(binary) < 2:
            return []
        for line, row in zip(self.lines, self.rows, strict=True):
            count = sum(BINARY[str(row[place]).strip().lower()] for place, _ in binary)
            if count != 1:
                raise DataError(
                    f"{self.path} line {line} is of {count} classes by its columns "
                    f"{', '.join(name for _, name in binary[:5])}. "
                    "Every image needs exactly one."
                )
        return [name for _, name in binary]


def peek_table(path: Path) -> Table:
    """The first rows of a table; without any if it is none."""
    try:
        return _read(path, _PEEKED)
    except (DataError, OSError):
        return Table(path, [], [], [])


def read_table(path: Path) -> Table:
    """All rows that are not blank.

    Raises:
        DataError: naming the table and its line, if it is not readable.
    """
    table = _read(path, None)
    if not table.rows:
        raise DataError(f"{path} has no rows. It needs a path and a label per image.")
    return table


def _read(path: Path, most: int | None) -> Table:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix.lower() == ".jsonl":
                return _make_table(path, _parse_lines(path, islice(file, most)))
            if path.suffix.lower() == ".json":
                return _make_table(path, islice(_parse_json(path, file), most))
            separator = _find_separator(path)
            lines = islice(file, most)
            return _read_csv(path, _separate_label(lines) if separator == " " else lines, separator)
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8 text. Save it as UTF-8.") from None


def _find_separator(path: Path) -> str:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = [line for line in islice(file, _PEEKED) if line.strip()]
    if path.suffix.lower() == ".tsv" and any("\t" in line for line in lines):
        return "\t"
    head = lines[0] if lines else ""
    # A header of known names decides: what stands in the rows may hold any sign.
    for separator in ("\t", ";", "|"):
        if len({normalize(cell) for cell in head.split(separator)} & _KNOWN) > 1:
            return separator
    return "," if "," in head else find_separator(lines)


def _read_csv(path: Path, file: Iterable[str], separator: str) -> Table:
    reader = csv.reader(file, delimiter=separator, skipinitialspace=True)
    try:
        first = [cell.strip() for cell in next((row for row in reader if row), [])]
        has_header = not first or _is_header(first)
        header = first if has_header else [f"column {i + 1}" for i in range(len(first))]
        while len(header) > 1 and not header[-1] and has_header:  # a separator at the end of each line
            header = header[:-1]
        if len(set(header)) < len(header):
            raise DataError(f"{path} names a column twice in its first row: {', '.join(header)}.")
        table = Table(path, header, [], [], has_header)
        for row in [first] if not has_header else []:
            table.lines.append(reader.line_num)
            table.rows.append(row)
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header) and any(cell.strip() for cell in row[len(header) :] or [","]):
                raise DataError(
                    f"{path} line {reader.line_num} has {len(row)} values for {len(header)} columns: "
                    f"{', '.join(header)}. Put quotes around values that hold the separator."
                )
            table.lines.append(reader.line_num)
            table.rows.append(row)
        return table
    except csv.Error as error:
        raise DataError(f"{path} line {reader.line_num} is not readable CSV: {error}.") from None


def _separate_label(lines: Iterable[str]) -> Iterator[str]:
    """Lines of a list in which blanks separate, with quotes around a name of an image that holds blanks itself."""
    for line in lines:
        name, dot, rest = line.strip().rpartition(".")
        ending, *cells = rest.split(" ") if dot else [""]
        path = f"{name}.{ending}"
        is_path = get_suffix(path) in list_suffixes() and " " in path and '"' not in path
        yield " ".join([f'"{path}"', *cells]) if is_path else line


def _is_header(cells: list[str]) -> bool:
    """Whether the first row names columns: one is called as columns are, or none holds the name of an image."""
    if any(normalize(cell) in _KNOWN for cell in cells):
        return True
    return not any(
        get_suffix(cell) in list_suffixes() or get_suffix(cell) in UNREAD_SUFFIXES for cell in cells
    )


def _make_table(path: Path, found: Iterable[tuple[int, Mapping]]) -> Table:
    rows = list(found)
    header = list(rows[0][1]) if rows else []
    return Table(
        path, header, [line for line, _ in rows], [[row.get(name) for name in header] for _, row in rows]
    )


def _parse_lines(path: Path, file: Iterable[str]) -> Iterator[tuple[int, Mapping]]:
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


def _parse_json(path: Path, file: TextIO) -> Iterator[tuple[int, Mapping]]:
    """The rows of a list of objects, or of one object {"1.jpg": "cat"}."""
    if path.stat().st_size > _MOST_JSON:
        raise DataError(f"{path} is too large for one JSON: write its rows as lines of a .jsonl.")
    try:
        held = json.load(file)
    except (ValueError, RecursionError):
        raise DataError(f"{path} is not JSON that can be read.") from None
    if isinstance(held, dict):
        held = [{"path": name, "label": label} for name, label in held.items()]
    if not isinstance(held, list):
        raise DataError(f"{path} must hold a list of objects with a path and a label.")
    for number, row in enumerate(held, start=1):
        if not isinstance(row, dict):
            raise DataError(f'{path}: entry {number} is not an object such as {{"path": ..., "label": ...}}.')
        yield number, row
