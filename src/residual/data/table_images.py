"""Which file a table means by "0a1b2c", "C:\\photos\\1.jpg" or "images/1.jpg", and how it is read."""

import os
import stat
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from residual._text import format_bytes
from residual.data.folders import list_folder
from residual.data.limits import MOST_BYTES
from residual.data.words import parse_split
from residual.errors import DataError

_SAMPLED = 20  # names looked up before all files below the table are listed


def find_images(table: Path, names: Sequence[str], split: str = "") -> list[str]:
    """The path of each image from the table's folder.

    Names are taken as they are if a sample of them is there. Else files below the table's folder are looked up by the
    end of their path, with or without their ending.

    Args:
        table: the file.
        names: as the table has them.
        split: that the table is for, to choose among files of one name: "train/1.png" and "test/1.png".

    Raises:
        DataError: if two files fit a name equally well.
    """
    names = [
        name.replace("\\", "/") if "\\" in name and not _is_there(table, name) else name for name in names
    ]
    sample = {int(i) for i in np.linspace(0, len(names) - 1, min(_SAMPLED, len(names)))}
    if all(_is_there(table, names[i]) for i in sample):
        return names
    index: dict[str, list[str]] = defaultdict(list)
    try:
        listing = list_folder(table.parent)
    except OSError:
        return names
    for path in listing.list_images(listing.top):
        base = os.path.basename(path)
        index[base].append(path)
        index[os.path.splitext(base)[0]].append(path)
    return [name if _is_there(table, name) else _choose(table, name, index, split) for name in names]


def _is_there(table: Path, name: str) -> bool:
    try:
        return os.path.exists(os.path.join(table.parent, name))
    except ValueError:  # a null byte
        return False


def _choose(table: Path, name: str, index: dict[str, list[str]], split: str) -> str:
    base = os.path.basename(name)
    found = index.get(base) or index.get(os.path.splitext(base)[0]) or []
    if len(found) > 1:
        likeness = [_count_common(name, path) + _is_of_split(path, split) / 2 for path in found]
        best = [path for path, value in zip(found, likeness, strict=True) if value == max(likeness)]
        if len(best) > 1:
            raise DataError(
                f"{table} names {name!r}, which may be {best[0]} or {best[1]}. Write the folder before the "
                "name."
            )
        return best[0]
    return found[0] if found else name


def _is_of_split(path: str, split: str) -> bool:
    return bool(split) and any(parse_split(part)[0] == split for part in path.split(os.sep)[:-1])


def _count_common(name: str, path: str) -> int:
    """How many parts of two paths are equal, from the end; endings do not matter."""
    one = os.path.splitext(name)[0].split("/")[::-1]
    other = os.path.splitext(path)[0].split(os.sep)[::-1]
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def read_image_file(table: Path, name: str) -> bytes:
    """The bytes of an image that a table names.

    Raises:
        DataError: if it is a pipe or device, too large, or no path.
        OSError: if it is not there, or may not be read.
    """
    file = Path(name) if Path(name).is_absolute() else table.parent / name
    try:
        status = file.stat()
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):  # a device may never end
            raise DataError(
                f"{table} names {name!r}, which is not a file but a pipe or device. Name image files."
            )
        if status.st_size > MOST_BYTES:
            raise DataError(
                f"{table} names {name!r} of {format_bytes(status.st_size)}, more than an image file may "
                f"have: {format_bytes(MOST_BYTES)}."
            )
        return file.read_bytes()
    except DataError:
        raise
    except ValueError as error:  # a null byte
        raise DataError(f"{table} names {name!r}, which is no path: {error}.") from None
