"""Arrays in .npz files and images in Parquet tables."""

import json
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from residual.data import cifar
from residual.data.arrays import Arrays, to_dataset
from residual.data.decoding import UNREADABLE, decode_labelled
from residual.data.images import Dataset
from residual.errors import DataError

_ONE_PAIR = ("x_train", "y_train", "x_test", "y_test")
_PARTS = {"train": "train*.parquet", "validation": "val*.parquet", "test": "test*.parquet"}
_ROWS = 64  # read at a time


def load_npz(path: Path) -> Dataset:
    """An .npz with x_train, y_train, x_test, y_test, or with x and y (15% is set aside as the test set).

    An array `classes` gives the class names. Pickled arrays are refused.

    Raises:
        DataError: when the file is damaged or lacks an array.
    """
    arrays = read_npz(path)
    names = tuple(str(name) for name in np.ravel(arrays.get("classes", ())))
    if all(key in arrays for key in _ONE_PAIR):
        x, y, x_test, y_test = (arrays[key] for key in _ONE_PAIR)
        return to_dataset(path.stem, Arrays(x, y, str(path), names), Arrays(x_test, y_test, str(path), names))
    if "x" in arrays and "y" in arrays:
        return to_dataset(path.stem, Arrays(arrays["x"], arrays["y"], str(path), names))
    held = ", ".join(arrays) or "nothing"
    raise DataError(
        f"{path} needs x_train, y_train, x_test and y_test, or x and y; it holds {held}. "
        f"Say which they are: {path}::images=NAME,labels=NAME"
    )


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Every array of an .npz by its name, not what else is in it; DataError where that would need unpickling."""
    # Without this look np.load would take any .npy or pickle for what its suffix says it is not.
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path} is not an .npz: it is no zip archive. Write it with numpy.savez.")
    try:
        # Opened here, as NumPy leaves the file open where its directory is damaged.
        with (
            path.open("rb") as opened,
            np.load(opened, allow_pickle=False) as file,
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # a damaged header is Python that Python warns of
            members = {key: file[key] for key in file.files}
    except Exception as error:  # zip, header and dtype errors alike
        raise DataError(
            f"{path} is not an .npz that can be read safely ({str(error) or type(error).__name__}). "
            "Write plain arrays with numpy.savez."
        ) from None
    return {key: held for key, held in members.items() if isinstance(held, np.ndarray)}


def holds_parquet(folder: Path) -> bool:
    """Whether a folder has Parquet files directly inside."""
    return any(True for _ in folder.glob("*.parquet"))


def find_parquet(folder: Path) -> dict[str, list[Path]] | None:
    """The files of "train" and "test", and of "validation" where there are some; None where a part is missing.

    A part may lie in several files (train-00000-of-00002.parquet, ...), which are read by name, one after
    the other. Without `test`, `validation` is the test set.
    """
    parts = {part: sorted(folder.glob(pattern)) for part, pattern in _PARTS.items()}
    found = {part: files for part, files in parts.items() if files}
    if "test" not in found and "validation" in found:
        found["test"] = found.pop("validation")
    return found if {"train", "test"} <= set(found) else None


def load_parquet(path: Path, size: int | None = None, unreadable: float = UNREADABLE) -> Dataset:
    """A Parquet file, or a folder with train*.parquet and test*.parquet, in Hugging Face's image layout.

    A folder may also have val*.parquet, the validation images, and each part may be several files. Files
    that are called otherwise are taken together, and a part of their images is set aside as the test set.

    One column holds {bytes, path} of an encoded image, another, `label`, whole numbers. Class names are
    read from the schema; a file in a folder called cifar10 that has none gets those of CIFAR-10.

    Args:
        path: the file or the folder.
        size: side to scale images to; None keeps their own, which must then be one and the same.
        unreadable: share of the rows of a part whose images may be damaged; they are skipped.

    Raises:
        DataError: when the column is missing, too many images cannot be read, or pyarrow is not installed.
    """
    name = path.stem if path.is_file() else path.resolve().name
    lost: list[str] = []
    parts = {
        part: _read_parquet(files, size, unreadable, lost) for part, files in parquet_parts(path).items()
    }
    return replace(to_dataset(name, **parts), unreadable=tuple(lost))


def parquet_parts(path: Path) -> dict[str, list[Path]]:
    """The files of every part of a file or folder, as `load_parquet` takes them."""
    if path.is_file():
        return {"train": [path]}
    parts = find_parquet(path)
    if parts is None:
        files = sorted(path.glob("*.parquet"))
        if any(file.match(_PARTS["test"]) or file.match(_PARTS["validation"]) for file in files):
            raise DataError(
                f"{path} has test images, but no train*.parquet to learn from; "
                f"it holds {', '.join(file.name for file in files)}."
            )
        parts = {"train": files}
    return parts


def _read_parquet(paths: list[Path], size: int | None, unreadable: float, lost: list[str]) -> Arrays:
    """What the files of one part hold, decoded a few rows at a time; of skipped rows `lost` gets the reasons."""
    columns, labels, names = [], [], ()
    for path in paths:
        with opened_parquet(path) as file:
            image, label = parquet_columns(file.schema_arrow, path)
            columns.append(image)
            values = file.read([label])[label].to_pylist()
            labels.append(np.asarray(values) if values else np.empty(0, np.int64))
            given = feature_names(file.schema_arrow, label)
        if names and given and given != names:
            raise DataError(
                f"{paths[0]} and {path} name different classes: {', '.join(names)} and {', '.join(given)}. "
                "All files must give the same names in the same order."
            )
        names = names or given
    y = np.concatenate(labels)
    where = str(paths[0]) if len(paths) == 1 else f"{paths[0]} to {paths[-1].name}"
    fit = None if size is None else (size, size)
    names = names or (cifar.CLASSES if cifar.is_named(paths[0].parent) else ())
    x = np.empty((0, 1, 1, 3), np.uint8)
    if len(y):
        x, y = decode_labelled(_rows(paths, columns), y, fit, where, unreadable, lost, names)
    return Arrays(x, y, where, names)


def _rows(paths: list[Path], columns: list[str]) -> Iterator[tuple[bytes | None, str]]:
    """(bytes of the image, name for errors) of every row."""
    for path, column in zip(paths, columns, strict=True):
        row = 0
        with opened_parquet(path) as file:
            for batch in file.iter_batches(_ROWS, columns=[f"{column}.bytes"]):
                for cell in batch.column(0).to_pylist():
                    yield (cell and cell["bytes"]), f"{path} row {row}"
                    row += 1


@contextmanager
def opened_parquet(path: Path):
    """An open Parquet file, read in small pieces; what pyarrow raises meanwhile becomes a DataError."""
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise DataError(f"Reading {path} needs pyarrow: pip install 'residual[parquet]'.") from None
    try:
        with pq.ParquetFile(path, buffer_size=2**20) as file:
            yield file
    except DataError:
        raise
    except Exception as error:  # ArrowInvalid, OSError, ...
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"{path} is not a Parquet file that can be read ({reason}). Download it again."
        ) from None


def parquet_columns(schema, path: Path) -> tuple[str, str]:
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


def feature_names(schema, label: str) -> tuple[str, ...]:
    """Class names that Hugging Face keeps in the schema, or () where there are none."""
    try:
        names = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"][label]["names"]
    except (KeyError, TypeError, ValueError):
        return ()
    return tuple(str(name) for name in names) if isinstance(names, list) else ()
