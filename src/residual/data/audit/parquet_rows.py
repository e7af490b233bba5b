"""Rows of Parquet files as raw images."""

import bisect
import json
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path

import numpy as np

from residual.data import cifar
from residual.data.raw import Entry, Raw, settled
from residual.errors import DataError


def read_parquet(path: Path) -> Raw:
    """Parquet files, of which one group of rows is in memory at a time."""
    files = {"train": [path]} if path.is_file() else _parts(path)
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
        with _opened(path) as file:
            groups = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
        self._ends = list(accumulate(groups))
        self._group, self._rows = -1, []

    def content(self, row: int) -> bytes:
        """The image file of a row."""
        group = bisect.bisect_right(self._ends, row)
        if group != self._group:
            with _opened(self.path) as file:
                self._rows = file.read_row_group(group, columns=[f"{self.image}.bytes"])[self.image]
            self._group = group
        first = self._ends[group - 1] if group else 0
        cell = self._rows[row - first].as_py()
        if not cell or not cell["bytes"]:
            raise DataError(f"{self.path} row {row} holds no image.")
        return cell["bytes"]


def _parts(folder: Path) -> dict[str, list[Path]]:
    """The files of every part; files of other names are taken together, for training."""
    patterns = {"train": "train*.parquet", "validation": "val*.parquet", "test": "test*.parquet"}
    found = {part: files for part, name in patterns.items() if (files := sorted(folder.glob(name)))}
    if "train" not in found or len(found) == 1:
        return {"train": sorted(folder.glob("*.parquet"))}
    taken_for = settled(set(found))
    return {taken_for[part]: files for part, files in found.items()}


def _labels(path: Path) -> tuple[str, np.ndarray, tuple[str, ...]]:
    """The image column, the labels and the class names of a file."""
    with _opened(path) as file:
        image, label = _columns(file.schema_arrow, path)
        values = np.asarray(file.read(columns=[label])[label].to_pylist() or np.empty(0, np.int64))
        names = _feature_names(file.schema_arrow, label)
    if values.dtype.kind not in "iu" or (values < 0).any():
        raise DataError(f"{path}: labels must be whole numbers from 0; got {values.dtype}.")
    return image, values.astype(np.int64), names


def _columns(schema, path: Path) -> tuple[str, str]:
    """The first column of {bytes, ...} and the first that is called as labels are."""
    import pyarrow as pa

    images = [f.name for f in schema if pa.types.is_struct(f.type) and f.type.get_field_index("bytes") >= 0]
    labels = [name for name in ("label", "labels", "fine_label") if name in schema.names]
    if not images or not labels:
        raise DataError(
            f"{path} needs an image column of {{bytes, path}} and a column label; it has {', '.join(schema.names)}."
        )
    return images[0], labels[0]


def _feature_names(schema, label: str) -> tuple[str, ...]:
    """Class names that Hugging Face keeps in the schema, or ()."""
    try:
        names = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"][label]["names"]
    except (KeyError, TypeError, ValueError):
        return ()
    return tuple(str(name) for name in names) if isinstance(names, list) else ()


@contextmanager
def _opened(path: Path):
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise DataError(f"Reading {path} needs pyarrow: pip install 'residual[parquet]'.") from None
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except DataError:
        raise
    except Exception as error:  # ArrowInvalid, OSError, ...
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"{path} is not a Parquet file that can be read ({reason}). Download it again."
        ) from None
