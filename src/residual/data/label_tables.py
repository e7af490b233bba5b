"""Labels of images that lie in no class folders: in a table beside them, or in the names of the files."""

import csv
import os
import re
from collections import defaultdict
from collections.abc import Iterable

from residual.data.folders import Folder, Listing
from residual.data.formats import get_suffix
from residual.data.words import LABEL_COLUMNS, match_class, normalize, parse_split

_TABLES = (".csv", ".tsv", ".txt")
_MOST_TABLES = 8  # looked at for one folder
_NUMBERED = re.compile(r"[\W_]*\(?\d[\d\W_]*$")
_ENOUGH = 0.9  # share of the images that a table must label to be the table of these images


def label_of_name(name: str) -> str:
    """What the name of a file begins with, without its number: "cat" of "cat.12.jpg"; "" if that is nothing."""
    stem = os.path.splitext(re.split(r"[/\\]", name)[-1])[0]
    return _NUMBERED.sub("", stem)


def find_labels(
    listing: Listing, folder: Folder, classes: tuple[str, ...]
) -> tuple[dict[str, list[str]], str] | None:
    """The images of each class of a folder by a table in it or beside it, and the name of the table.

    Args:
        listing: all files.
        folder: holds the images, at any depth.
        classes: what labels there may be.

    Returns:
        None if no table names nearly all images with one of the classes.
    """
    images = listing.list_images(folder)
    for table in _list_tables(listing, folder)[:_MOST_TABLES]:
        text = listing.read_text(table)
        found = _read_labels(text, images, classes) if text else None
        if found:
            return found, table
    return None


def find_other_labels(listing: Listing, images: list[str]) -> str | None:
    """A table at the top that names nearly all images, and so may have other labels than the folders; None if none.

    Args:
        listing: all files.
        images: names of the images that lie in class folders.
    """
    tables = sorted(filter(_is_table, listing.top.others))[:_MOST_TABLES]
    names = {_get_stem(image) for image in images} if tables else set()
    for table in tables:
        rows = split_rows(listing.read_text(table) or "")
        width = max((len(row) for row in rows[:1]), default=0)
        for column in range(width) if width > 1 else ():
            cells = {_get_stem(row[column]) for row in rows if column < len(row)}
            if len(names & cells) >= _ENOUGH * len(names):
                return table
    return None


def _get_stem(name: str) -> str:
    return os.path.splitext(re.split(r"[/\\]", name)[-1])[0]


def _list_tables(listing: Listing, folder: Folder) -> list[str]:
    """Tables inside the folder; then those anywhere that have the folder's split in their names, near ones first."""
    inside = [
        listing.join(inner, name) for inner in folder.walk() for name in inner.others if _is_table(name)
    ]
    split = parse_split(folder.name)[0] or next(
        (split for split in (parse_split(part)[0] for part in reversed(folder.path)) if split), None
    )
    beside = [
        listing.join(other, name)
        for other in listing.top.walk()
        if other.path[: len(folder.path)] != folder.path
        for name in other.others
        if _is_table(name) and split and parse_split(os.path.splitext(name)[0])[0] == split
    ]
    return [*inside, *sorted(beside, key=lambda name: name.count(listing.separator))]


def _is_table(name: str) -> bool:
    return get_suffix(name) in _TABLES


def _read_labels(text: str, images: list[str], classes: tuple[str, ...]) -> dict[str, list[str]] | None:
    """The images of each class by the column that has their names and the one that has only classes."""
    rows = split_rows(text)
    by_name = {os.path.basename(image): image for image in images}
    by_name |= {os.path.splitext(name)[0]: image for name, image in list(by_name.items())}
    width = max((len(row) for row in rows), default=0)
    named = [_look_up(rows, column, by_name) for column in range(width)]
    best = max(range(width), key=lambda column: len(named[column]), default=None)
    if best is None or len(named[best]) < _ENOUGH * len(images):
        return None
    column = _choose_label_column(rows, best, list(named[best]), classes)
    if column is None:
        return None
    found: dict[str, list[str]] = defaultdict(list)
    for row, image in named[best].items():
        found[match_class(rows[row][column], classes) or ""].append(image)
    return {name: sorted(images_of_class) for name, images_of_class in found.items()}


def _choose_label_column(
    rows: list[list[str]], path_column: int, labelled: list[int], classes: tuple[str, ...]
) -> int | None:
    """The column whose cells are all classes: the one that is called as labels are, or the only one."""
    known = {name: name for name in classes}
    fitting = []
    for column in range(max(map(len, rows))):
        cells = {rows[row][column] if column < len(rows[row]) else "" for row in labelled}
        if column != path_column and all(cell in known or match_class(cell, classes) for cell in cells):
            fitting.append(column)
    head = rows[0]
    called = [column for column in fitting if column < len(head) and normalize(head[column]) in LABEL_COLUMNS]
    best = called or fitting
    return best[0] if len(best) == 1 or called else None


def _look_up(rows: list[list[str]], column: int, by_name: dict[str, str]) -> dict[int, str]:
    """{row: image} of the cells in a column that name one."""
    found = {}
    for number, row in enumerate(rows):
        if column < len(row):
            image = by_name.get(re.split(r"[/\\]", row[column])[-1])
            if image:
                found[number] = image
    return found


def split_rows(text: str) -> list[list[str]]:
    """The cells of every row of a table, by the separator that its first lines agree on."""
    lines = [line for line in text.splitlines() if line.strip()]
    separator = find_separator(lines[:20])
    if separator == " ":
        return [line.split() for line in lines]
    try:
        return [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=separator)]
    except csv.Error:
        return []


def find_separator(lines: Iterable[str]) -> str:
    """The sign between the cells of a table: the one that stands equally often, and most often, in each line."""
    lines = list(lines)
    for separator in ("\t", ";", ",", "|"):
        counts = {line.count(separator) for line in lines}
        if counts and min(counts) > 0 and (len(counts) == 1 or separator in ";\t"):
            return separator
    if lines and all(separator not in line for line in lines for separator in ",;\t|"):
        return " " if all(len(line.split()) > 1 for line in lines) else ","
    return ","
