"""Parquet files in Hugging Face's image layout: a column of {bytes, path} and a column of labels."""

import bisect
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path

import numpy as np

from residual._text import first_line
from residual.data import cifar10
from residual.data.arrays import agree_on_names
from residual.data.columns import Numbered, fill_splits
from residual.data.images import SPLITS
from residual.data.labels import flatten_labels, index_labels
from residual.data.limits import FREE, check_unpacked
from residual.data.location import Location
from residual.data.parquet_files import find_files, has_files, list_files
from residual.data.parquet_footer import find_largest_dictionary
from residual.data.passed_over import PassedOver
from residual.data.source import FileSource, SourceError
from residual.data.words import LABEL_COLUMNS, normalize
from residual.errors import DataError

_ROWS = 64  # read at a time
_USUAL_LABELS = ("label", "labels", "fine_label")


class ParquetReader:
    """Reads a Parquet file, a folder of them, or a checkout from a hub: data/*.parquet, default/train/0000.parquet.

    The name of a file, or of a folder around it, says of which split it is; each split may be several files, which are
    read by name. Files that say nothing of the kind are taken together, and a hold-out of their images becomes the
    test set. Class names are read from the schema; a folder called cifar10 that has none gets those of CIFAR-10.
    Options name the columns, if they have none of the usual names, and the folder of one configuration of several.
    """

    name = "parquet"
    label = "Parquet in Hugging Face's image layout"
    suffixes: tuple[str, ...] = (".parquet",)
    options: frozenset[str] = frozenset(("image", "label", "config", "white"))

    def matches(self, location: Location) -> bool:
        """By the ending, or by that of a file in a folder."""
        if location.is_folder():
            return any(True for _ in location.file.glob("*.parquet")) or has_files(location.file)
        return location.is_kind("parquet", *self.suffixes)

    def open(self, location: Location) -> FileSource:
        """The rows of all files.

        Raises:
            DataError: if a column is missing, a file cannot be read, or pyarrow is not installed.
        """
        path = location.file
        chosen = location.options
        splits = list_files(path, chosen.get("config"))
        files = [_ParquetFile(file, chosen) for split in SPLITS for file in splits.get(split, ())]
        starts = [0, *accumulate(len(file.labels) for file in files)]

        def open_row(i: int) -> bytes:
            which = bisect.bisect_right(starts, i) - 1
            return files[which].read(i - starts[which])

        folder = path if path.is_dir() else path.parent
        counts = {file.path: len(file.labels) for file in files}
        classes, labels, notes = _name_classes(path, folder, files)
        return FileSource(
            name=path.stem if path.is_file() else path.resolve().name,
            layout=self.label,
            where=str(path),
            prefix=os.path.join(folder, ""),
            keeps_size=True,
            classes=classes,
            names=Numbered(
                [(f"{os.path.relpath(file.path, folder)} row ", "") for file in files], list(counts.values())
            ),
            labels=np.concatenate(labels),
            splits=fill_splits({split: sum(counts[file] for file in own) for split, own in splits.items()}),
            names_classes=True,
            notes=notes,
            passed_over=tuple(
                PassedOver(os.path.relpath(file, folder), "in no split")
                for file in ([] if path.is_file() else find_files(path))
                if file not in counts
            ),
            opener=open_row,
        )


def _name_classes(
    path: Path, folder: Path, files: list["_ParquetFile"]
) -> tuple[tuple[str, ...], list[np.ndarray], tuple[str, ...]]:
    """Class names, labels of each file and notes, by the names that the files give."""
    names = agree_on_names((str(file.path), file.names) for file in files)
    if not names and cifar10.is_named(folder):
        names = cifar10.CLASSES
    return index_labels([file.labels for file in files], names, [str(file.path) for file in files])


class _ParquetFile:
    """One file: labels at once, images as they are asked for, best in their order.

    Images that are asked for in order come a few rows at a time. For one further back a whole group of rows is
    read and kept until another group is asked for.

    Attributes:
        path: which file it is.
        labels: (n,), whole numbers or text.
        names: class names from the schema, or ().
    """

    def __init__(self, path: Path, chosen: Mapping[str, str]):
        self.path = path
        with _open_parquet(path) as file:
            self._image, label = _find_columns(file.schema_arrow, path, chosen)
            self.labels = _read_labels(file, label, path)
            self.names = _read_names(file.schema_arrow, label)
            groups = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
            self._rows = _count_rows_at_once(path, f"{self._image}.bytes")
        self._ends = list(accumulate(groups))
        self._cells, self._first = [], 0  # those held, and the row of the first
        self._next: Iterator[list] | None = None  # the cells after them
        self._damage: SourceError | None = None

    def read(self, row: int) -> bytes:
        """The image file of a row."""
        if self._damage:
            raise self._damage
        try:
            cell = self._find_cell(row)
        except DataError as error:
            self._damage = SourceError(str(error))
            raise self._damage from None
        if row == len(self.labels) - 1:  # a thousand files must not stay open
            self._cells, self._first, self._next = [], 0, None
        if not cell or not cell["bytes"]:
            raise DataError(
                f"{self.path} row {row} holds no image: every row needs the bytes of an image file."
            )
        return cell["bytes"]

    def _find_cell(self, row: int) -> dict | None:
        behind = row < self._first
        group = bisect.bisect_right(self._ends, row)
        start = self._ends[group - 1] if group else 0
        if self._next is None or behind or start > self._first + len(self._cells):
            self._cells, self._first = [], start
            self._next = self._stream(group, whole=behind and self._rows == _ROWS)
        while row >= self._first + len(self._cells):
            cells = next(self._next, None)
            if cells is None:
                self._next = None
                raise DataError(f"{self.path} row {row} is declared and not there. Download the file again.")
            self._first += len(self._cells)
            self._cells = cells
        return self._cells[row - self._first]

    def _stream(self, group: int, whole: bool) -> Iterator[list]:
        """Cells from the beginning of a group on, a few at a time, or first the whole group."""
        column = f"{self._image}.bytes"
        with _open_parquet(self.path) as file:
            if whole:
                yield file.read_row_group(group, columns=[column])[self._image].to_pylist()
                group += 1
            groups = range(group, file.num_row_groups)
            for batch in file.iter_batches(self._rows, row_groups=list(groups), columns=[column]):
                yield batch.column(0).to_pylist()


@contextmanager
def _open_parquet(path: Path):
    """An open Parquet file, read in small pieces; what pyarrow raises meanwhile becomes a DataError."""
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise DataError(f"Reading {path} needs pyarrow: pip install 'residual-learning[parquet]'.") from None
    try:
        with pq.ParquetFile(path, buffer_size=2**20) as file:
            _check_declared(file.metadata, path)
            yield file
    except DataError:
        raise
    except PermissionError:
        raise DataError(f"{path} may not be read: permission denied. Change its rights.") from None
    except Exception as error:  # ArrowInvalid, OSError, ...
        reason = first_line(error)
        raise DataError(
            f"{path} is not a Parquet file that can be read ({reason}). Download it again."
        ) from None


def _check_declared(metadata, path: Path) -> None:
    """DataError if the footer declares more rows than bytes, or far more bytes than there are."""
    size = path.stat().st_size
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    rows = max(metadata.num_rows, sum(group.num_rows for group in groups))
    if rows > size:
        raise DataError(
            f"{path} declares {rows:,} rows of images and has {size:,} bytes: it is damaged. Download it "
            "again."
        )
    check_unpacked(sum(group.total_byte_size for group in groups), size, str(path))


def _count_rows_at_once(path: Path, column: str) -> int:
    """How many rows may be decoded at a time: many rows may share one large value of a dictionary."""
    return max(1, min(_ROWS, FREE // max(1, find_largest_dictionary(path, column))))


def _find_columns(schema, path: Path, chosen: Mapping[str, str]) -> tuple[str, str]:
    """The names of the image column and of the label column: those asked for, or the only ones that fit."""
    import pyarrow as pa

    images = [f.name for f in schema if pa.types.is_struct(f.type) and f.type.get_field_index("bytes") >= 0]
    labels = [name for name in schema.names if normalize(name) in LABEL_COLUMNS and name not in images]
    labels = [name for name in labels if not pa.types.is_nested(schema.field(name).type)]
    image = chosen.get("image") or (images[0] if images else None)
    label = chosen.get("label") or _prefer(labels)
    if image not in images or label not in schema.names:
        raise DataError(
            f"{path} needs an image column of {{bytes, path}} and a column label; it has "
            f"{', '.join(schema.names) or 'none'}. Name them: {path}::image=COLUMN,label=COLUMN"
        )
    if "label" not in chosen and len(labels) > 1 and label not in _USUAL_LABELS:
        raise DataError(f"{path} has several labels: {', '.join(labels)}. Name one: {path}::label={label}")
    return image, label


def _prefer(labels: list[str]) -> str | None:
    """The usual one of several columns."""
    return next((name for name in (*_USUAL_LABELS, *labels) if name in labels), None)


def _read_labels(file, column: str, path: Path) -> np.ndarray:
    held = file.read(columns=[column])[column]
    if held.null_count:
        raise DataError(
            f"{path}: row {held.to_pylist().index(None)} has no label in column {column}. Every row needs one."
        )
    values = held.to_numpy() if len(held) else np.empty(0, np.int64)
    return flatten_labels(values, len(held), str(path))


def _read_names(schema, label: str) -> tuple[str, ...]:
    """Class names that Hugging Face keeps in the schema, or () if there are none."""
    try:
        names = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"][label]["names"]
    except (KeyError, TypeError, ValueError):
        return ()
    return tuple(str(name) for name in names) if isinstance(names, list) else ()
