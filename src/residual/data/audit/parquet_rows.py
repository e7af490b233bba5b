"""Rows of Parquet files as raw images."""

import bisect
from itertools import accumulate
from pathlib import Path

import numpy as np

from residual.data import cifar, tables
from residual.data.arrays import MOST_CLASSES
from residual.data.raw import Entry, Raw
from residual.errors import DataError


def read_parquet(path: Path) -> Raw:
    """Parquet files, of which one group of rows is in memory at a time."""
    files = tables.parquet_parts(path)
    opened = [_ParquetFile(file, part) for part, group in files.items() for file in group]
    names = next((file.names for file in opened if file.names), ())
    if not names and cifar.is_named(path if path.is_dir() else path.parent):
        names = cifar.CLASSES
    highest = max((int(file.labels.max()) for file in opened if len(file.labels)), default=-1)
    if highest >= len(names) > 0:
        raise DataError(f"{path}: labels must be 0 to {len(names) - 1}, got {highest}.")
    starts = list(accumulate((len(file.labels) for file in opened), initial=0))
    entries = [
        Entry(f"{file.path.name} row {row}", file.part, label)
        for file in opened
        for row, label in enumerate(file.labels.tolist())
    ]

    def open_entry(i: int) -> bytes:
        which = bisect.bisect_right(starts, i) - 1
        return opened[which].content(i - starts[which])

    return Raw(
        name=path.stem if path.is_file() else path.resolve().name,
        layout="Parquet in Hugging Face's image layout",
        where=str(path),
        classes=names or tuple(map(str, range(highest + 1))),
        entries=entries,
        open=open_entry,
        made_test=not any(file.part == "test" for file in opened),
    )


class _ParquetFile:
    """One file: labels at once, images as they are asked for, in order.

    Attributes:
        path, part: which file it is and the part it holds.
        labels: int64 (n,).
        names: class names from the schema, or ().
    """

    def __init__(self, path: Path, part: str):
        self.path, self.part = path, part
        self.image, self.labels, self.names = _labels(path)
        with tables.opened_parquet(path) as file:
            groups = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
        self._ends = list(accumulate(groups))
        self._group, self._rows = -1, []

    def content(self, row: int) -> bytes:
        """The image file of a row."""
        group = bisect.bisect_right(self._ends, row)
        if group != self._group:
            with tables.opened_parquet(self.path) as file:
                self._rows = file.read_row_group(group, columns=[f"{self.image}.bytes"])[self.image]
            self._group = group
        first = self._ends[group - 1] if group else 0
        if row - first >= len(self._rows):
            raise DataError(f"{self.path} row {row} is declared and not there. Download the file again.")
        cell = self._rows[row - first].as_py()
        if not cell or not cell["bytes"]:
            raise DataError(f"{self.path} row {row} holds no image.")
        return cell["bytes"]


def _labels(path: Path) -> tuple[str, np.ndarray, tuple[str, ...]]:
    """The image column, the labels and the class names of a file."""
    with tables.opened_parquet(path) as file:
        image, label = tables.parquet_columns(file.schema_arrow, path)
        values = np.asarray(file.read(columns=[label])[label].to_pylist() or np.empty(0, np.int64))
        names = tables.feature_names(file.schema_arrow, label)
    if values.dtype.kind not in "iu" or (values < 0).any():
        raise DataError(f"{path}: labels must be whole numbers from 0; got {values.dtype}.")
    if len(values) and values.max() >= MOST_CLASSES:
        raise DataError(
            f"{path}: labels must be 0 to {MOST_CLASSES - 1} at most, got {values.max()}. Count the classes from 0."
        )
    return image, values.astype(np.int64), names
