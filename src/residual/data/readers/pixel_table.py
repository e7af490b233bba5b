"""Tables that hold the pixels themselves: label,pixel1,...,pixel784 or emotion,pixels,Usage."""

import csv
import math
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from residual.data.arrays import Arrays, make_source
from residual.data.location import Location
from residual.data.source import ArraySource
from residual.data.table_file import COLUMNS
from residual.data.words import find_split, normalize, parse_split
from residual.errors import DataError

_LEAST_PIXELS = 64
_MOST_TABLES = 50  # of a folder that are looked at
_INDICES = ("", "id", "index", "unnamed0")  # columns that number the rows
_CLEAR = 3  # times as many values that pixels must have as labels
_LONGEST_CELL = 2**24  # characters; a row of `pixels` in one cell


class PixelTableReader:
    """Reads a CSV whose rows are images, and that of the test images beside it: mnist_train.csv with mnist_test.csv.

    The pixels stand in one column each, or all in a column `pixels` with blanks between. A column says train or test
    if there is one (`Usage`).
    """

    name = "pixel-table"
    label = "a table of pixels"
    suffixes: tuple[str, ...] = (".csv",)
    options: frozenset[str] = frozenset(("label", "split", "white"))

    def matches(self, location: Location) -> bool:
        """By the columns of the first line; a folder by the training table in it."""
        if location.is_folder():
            return _find_training(location.file) is not None
        return location.is_file(*self.suffixes) and location.file.is_file() and _has_pixels(location.file)

    def open(self, location: Location) -> ArraySource:
        """The images.

        Raises:
            DataError: naming the table and its line, if a row has another number of pixels, or they are not square.
        """
        path = _find_training(location.file) or location.file
        options = {**location.options, **_find_label_end(path, location.options.get("label"))}
        parts = _read_rows(path, options)
        if set(parts) == {"train"}:
            for split, file in _find_partners(path).items():
                parts[split] = _read_rows(file, options)["train"]
        if "train" not in parts:
            raise DataError(f"{path} has no training images: no row whose split is train.")
        return make_source(path.stem, self.label, parts, location.options.get("white"))


def _find_training(folder: Path) -> Path | None:
    """The table of pixels in a folder that is called train, if there is one alone."""
    if not folder.is_dir():
        return None
    files = islice(folder.glob("*.csv"), _MOST_TABLES)
    found = [file for file in files if parse_split(file.stem)[0] == "train" and _has_labelled_pixels(file)]
    return found[0] if len(found) == 1 else None


def _find_separator(line: str) -> str:
    return max(",;\t", key=line.count)


def _has_pixels(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline(2**20)
    except (OSError, UnicodeDecodeError):
        return False
    cells = [cell.strip(" \"'\r\n") for cell in first.split(_find_separator(first))]
    if "pixels" in map(normalize, cells):
        return True
    return len(cells) > _LEAST_PIXELS and sum(
        _is_number(cell) or _is_pixel(cell) for cell in cells
    ) > 0.9 * len(cells)


def _is_number(cell: str) -> bool:
    return cell.replace(".", "", 1).isdecimal()


def _is_pixel(cell: str) -> bool:
    """ "pixel12", "12x3", "p12"."""
    return any(character.isdecimal() for character in cell) and len(cell) < 12


def _find_partners(path: Path) -> dict[str, Path]:
    split, rest = parse_split(path.stem)
    found: dict[str, Path] = {}
    for file in sorted(path.parent.glob("*.csv")) if split == "train" else ():
        other, words = parse_split(file.stem)
        if other and other != "train" and words == rest and _has_labelled_pixels(file):
            found.setdefault(other, file)
    return found


def _has_labelled_pixels(path: Path) -> bool:
    if not _has_pixels(path):
        return False
    with path.open(encoding="utf-8-sig") as file:
        first = file.readline(2**20)
    cells = [cell.strip() for cell in first.split(_find_separator(first))]
    return not any(_is_pixel(cell) and not _is_number(cell) for cell in cells) or any(
        normalize(cell) in COLUMNS["label"] for cell in cells
    )


def _read_rows(path: Path, options) -> dict[str, Arrays]:
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))
    held: dict[str, tuple[list, list]] = defaultdict(lambda: ([], []))
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for split, label, pixels in _parse(path, file, options):
                held[split][0].append(pixels)
                held[split][1].append(label)
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8 text. Save it as UTF-8.") from None
    except csv.Error as error:
        raise DataError(f"{path} is not readable CSV: {error}.") from None
    if not held:
        raise DataError(f"{path} has no rows. It needs a label and pixels for each image.")
    return {
        split: Arrays(_shape(np.stack(pixels), path), _to_array(labels), str(path))
        for split, (pixels, labels) in held.items()
    }


def _parse(path: Path, file, options) -> Iterator[tuple[str, str, np.ndarray]]:
    """(split, label, pixels) of each row."""
    start = file.tell()
    separator = _find_separator(file.readline(2**20))
    file.seek(start)
    reader = csv.reader(file, delimiter=separator)
    first = [cell.strip() for cell in next(reader, [])]
    has_header = not all(_is_number(cell) for cell in first)
    pixels = [f"pixel{i}" for i in range(1, len(first))]
    header = first if has_header else [*pixels, "label"] if options["label"] == "last" else ["label", *pixels]
    named = options if has_header else {}
    places = {role: _find_place(path, header, role, named.get(role)) for role in ("label", "split")}
    cell = next((i for i, name in enumerate(header) if normalize(name) == "pixels"), None)
    skipped = {place for place in places.values() if place is not None}
    skipped |= {place for place, name in enumerate(header) if normalize(name) in _INDICES}
    count = None
    rows = reader if has_header else _put_back(first, reader)
    for row in rows:
        if not row:
            continue
        try:
            if len(row) != len(header):
                raise IndexError
            texts = (
                row[cell].split()
                if cell is not None
                else [row[i] for i in range(len(header)) if i not in skipped]
            )
            pixels = np.array(texts, np.float32)
            label = row[places["label"] or 0].strip()
            word = row[places["split"]] if places["split"] is not None else "train"
        except (IndexError, ValueError):
            raise DataError(
                f"{path} line {reader.line_num} is not a label and pixels for each of {len(header)} columns."
            ) from None
        count = count or len(pixels)
        split = find_split(word)
        if split is None:
            raise DataError(f"{path} line {reader.line_num}: split must be train, val or test; got {word!r}.")
        if len(pixels) != count or not label:
            raise DataError(
                f"{path} line {reader.line_num} has {len(pixels)} pixels and label {label!r}; others have "
                f"{count}."
            )
        if not count:
            raise DataError(f"{path} line {reader.line_num} has no pixels.")
        whole = (
            pixels.astype(np.uint8, casting="unsafe") if 0 <= pixels.min() <= pixels.max() <= 255 else None
        )
        yield split, label, whole if whole is not None and (whole == pixels).all() else pixels


def _find_label_end(path: Path, asked: str | None) -> dict[str, str]:
    """{"label": "first" or "last"} of a table without a header, where the label stands first as a rule; else {}.

    Raises:
        DataError: if the values do not say which.
    """
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline(2**20)
        separator = _find_separator(first)
        if not all(_is_number(cell.strip()) for cell in first.split(separator)):
            return {}
        file.seek(0)
        ends = [
            (line.split(separator, 1)[0], line.rstrip().rsplit(separator, 1)[-1])
            for line in file
            if line.strip()
        ]
    if asked not in (None, "first", "last"):
        raise DataError(f"{path} has no header: label must be first or last; got {asked!r}.")
    heads, tails = (len(set(column)) for column in zip(*ends, strict=True))
    if asked is None and heads > 1 and tails > 1 and max(heads, tails) < _CLEAR * min(heads, tails):
        raise DataError(
            f"{path} has no header, and its first and last column may both be labels. Say which: {path}::label=first "
            f"or {path}::label=last"
        )
    return {"label": asked or ("last" if heads == 1 or heads > tails > 1 else "first")}


def _put_back(first: list[str], rows) -> Iterator[list[str]]:
    yield first
    yield from rows


def _find_place(path: Path, header: list[str], role: str, asked: str | None) -> int | None:
    if asked is not None and asked not in header:
        raise DataError(
            f"{path} has no column {asked}; it has {', '.join(header[:6])}. Say which it is: "
            f"{path}::{role}=COLUMN"
        )
    names = [asked] if asked else [name for name in header if normalize(name) in COLUMNS[role]]
    if role == "label" and not names:
        rest = [
            name
            for name in header
            if not _is_pixel(name) and normalize(name) not in ("pixels", *COLUMNS["split"], *_INDICES)
        ]
        if len(rest) != 1:
            raise DataError(
                f"{path} has no column label; it has {', '.join(header[:6])}. Say which it is: "
                f"{path}::label=COLUMN"
            )
        names = rest
    return header.index(names[0]) if names else None


def _shape(rows: np.ndarray, path: Path) -> np.ndarray:
    """(n, h, w) of grey rows, (n, h, w, 3) of rows with three values for each pixel."""
    count = rows.shape[1]
    for channels in (1, 3):
        side = math.isqrt(count // channels)
        if count == channels * side * side and side > 3:
            return rows.reshape(len(rows), side, side, *((channels,) if channels > 1 else ()))
    raise DataError(f"{path} has {count} pixels a row, which is no square image, grey or of three colours.")


def _to_array(labels: list[str]) -> np.ndarray:
    """Whole numbers, if all labels are such."""
    return (
        np.array(labels, np.int64)
        if all(label.isdecimal() and len(label) < 19 for label in labels)
        else np.array(labels)
    )
