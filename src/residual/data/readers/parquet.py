"""Parquet files in Hugging Face's image layout: a column of {bytes, path} and a column of whole numbers."""

import bisect
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path

import numpy as np

from residual._text import first_line
from residual.data import cifar10
from residual.data.arrays import MOST_CLASSES, agree_on_names
from residual.data.images import SPLITS
from residual.data.limits import check_unpacked
from residual.data.location import Location
from residual.data.names import assign_splits
from residual.data.source import FileSource, Numbered, SourceError, fill_splits
from residual.errors import DataError

_PATTERNS = {"train": "train*.parquet", "validation": "val*.parquet", "test": "test*.parquet"}
_ROWS = 64  # read at a time


class ParquetReader:
    """Reads a Parquet file, or a folder of them.

    A folder has train*.parquet and test*.parquet, and may have val*.parquet, the validation images; each split
    may be several files, which are read by name. Without `test`, `val` is the test set. Files that are called
    otherwise are taken together, and a hold-out of their images becomes the test set.

    Class names are read from the schema; a folder called cifar10 that has none gets those of CIFAR-10.
    """

    name = "parquet"
    label = "Parquet in Hugging Face's image layout"
    suffixes: tuple[str, ...] = (".parquet",)
    options: frozenset[str] = frozenset()

    def matches(self, location: Location) -> bool:
        """By the ending, or by that of a file directly inside a folder."""
        if location.is_folder():
            return any(True for _ in location.file.glob("*.parquet"))
        return location.is_file(*self.suffixes)

    def open(self, location: Location) -> FileSource:
        """The rows of all files.

        Raises:
            DataError: if a column is missing, a file cannot be read, or pyarrow is not installed.
        """
        path = location.file
        splits = _list_files(path)
        files = [_ParquetFile(file) for split in SPLITS for file in splits.get(split, ())]
        starts = [0, *accumulate(len(file.labels) for file in files)]

        def open_row(i: int) -> bytes:
            which = bisect.bisect_right(starts, i) - 1
            return files[which].read(i - starts[which])

        folder = path if path.is_dir() else path.parent
        counts = {file.path: len(file.labels) for file in files}
        return FileSource(
            name=path.stem if path.is_file() else path.resolve().name,
            layout=self.label,
            where=str(path),
            prefix=os.path.join(folder, ""),
            keeps_size=True,
            classes=_name_classes(path, folder, files),
            names=Numbered([(f"{file.path.name} row ", "") for file in files], list(counts.values())),
            labels=np.concatenate([file.labels for file in files]),
            splits=fill_splits({split: sum(counts[file] for file in own) for split, own in splits.items()}),
            made_test="test" not in splits,
            names_classes=True,
            opener=open_row,
        )


def _list_files(path: Path) -> dict[str, list[Path]]:
    """The files of every split."""
    if path.is_file():
        return {"train": [path]}
    found = {split: sorted(path.glob(pattern)) for split, pattern in _PATTERNS.items()}
    found = {split: files for split, files in found.items() if files}
    if not found or set(found) == {"train"}:
        return {"train": sorted(path.glob("*.parquet"))}
    if "train" not in found:
        names = ", ".join(file.name for file in sorted(path.glob("*.parquet")))
        raise DataError(f"{path} has test images, but no train*.parquet to learn from; it holds {names}.")
    return {used: found[split] for split, used in assign_splits(found).items()}


def _name_classes(path: Path, folder: Path, files: list["_ParquetFile"]) -> tuple[str, ...]:
    """The names that the files give, or "0", "1", ... up to the highest label."""
    names = agree_on_names((str(file.path), file.names) for file in files)
    if not names and cifar10.is_named(folder):
        names = cifar10.CLASSES
    highest = max((int(file.labels.max()) for file in files if len(file.labels)), default=-1)
    if highest >= len(names) > 0:
        raise DataError(f"{path}: labels must be 0 to {len(names) - 1}, got {highest}.")
    return names or tuple(map(str, range(highest + 1)))


class _ParquetFile:
    """One file: labels at once, images as they are asked for, best in their order.

    Images that are asked for in order come a few rows at a time. For one further back a whole group of rows is
    read and kept until another group is asked for.

    Attributes:
        path: which file it is.
        labels: int64 (n,).
        names: class names from the schema, or ().
    """

    def __init__(self, path: Path):
        self.path = path
        with _open_parquet(path) as file:
            self._image, label = _find_columns(file.schema_arrow, path)
            self.labels = _read_labels(file, label, path)
            self.names = _read_names(file.schema_arrow, label)
            groups = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
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
            self._next = self._stream(group, None if behind else _ROWS)
        while row >= self._first + len(self._cells):
            cells = next(self._next, None)
            if cells is None:
                self._next = None
                raise DataError(f"{self.path} row {row} is declared and not there. Download the file again.")
            self._first += len(self._cells)
            self._cells = cells
        return self._cells[row - self._first]

    def _stream(self, group: int, rows: int | None) -> Iterator[list]:
        """Cells from the beginning of a group on, so many at a time; None gives the group at once."""
        column = f"{self._image}.bytes"
        with _open_parquet(self.path) as file:
            if rows is None:
                yield file.read_row_group(group, columns=[column])[self._image].to_pylist()
                group, rows = group + 1, _ROWS
            groups = range(group, file.num_row_groups)
            for batch in file.iter_batches(rows, row_groups=list(groups), columns=[column]):
                yield batch.column(0).to_pylist()


@contextmanager
def _open_parquet(path: Path):
    """An open Parquet file, read in small pieces; what pyarrow raises meanwhile becomes a DataError."""
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise DataError(f"Reading {path} needs pyarrow: pip install 'residual[parquet]'.") from None
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
            f"{path} declares {rows:,} rows of images and has {size:,} bytes: it is damaged. Download it again."
        )
    check_unpacked(sum(group.total_byte_size for group in groups), size, str(path))


def _find_columns(schema, path: Path) -> tuple[str, str]:
    """The names of the image column and of the label column."""
    import pyarrow as pa

    images = [f.name for f in schema if pa.types.is_struct(f.type) and f.type.get_field_index("bytes") >= 0]
    labels = [name for name in ("label", "labels", "fine_label") if name in schema.names]
    if not images or not labels:
        raise DataError(
            f"{path} needs an image column of {{bytes, path}} and a column label; "
            f"it has {', '.join(schema.names) or 'none'}. Write the file with both."
        )
    return images[0], labels[0]


def _read_labels(file, column: str, path: Path) -> np.ndarray:
    values = np.asarray(file.read(columns=[column])[column].to_pylist() or np.empty(0, np.int64))
    if values.dtype.kind not in "iu":
        raise DataError(
            f"{path}: {len(values)} images need as many whole-number labels; got {values.dtype} {values.shape}. "
            "Store the index of the class of each image."
        )
    if len(values) and not 0 <= values.min() <= values.max() < MOST_CLASSES:
        raise DataError(
            f"{path}: labels must be 0 to {MOST_CLASSES - 1} at most, got {values.min()} to {values.max()}. "
            "Count the classes from 0."
        )
    return values.astype(np.int64)


def _read_names(schema, label: str) -> tuple[str, ...]:
    """Class names that Hugging Face keeps in the schema, or () if there are none."""
    try:
        names = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"][label]["names"]
    except (KeyError, TypeError, ValueError):
        return ()
    return tuple(str(name) for name in names) if isinstance(names, list) else ()
