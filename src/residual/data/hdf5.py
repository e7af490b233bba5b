"""HDF5 pairs laid out as the SIGNS files: train_set_x, train_set_y, test_set_x, test_set_y, list_classes."""

import contextlib
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from residual.data.arrays import Arrays, to_dataset
from residual.data.hdf5_heaps import check_heaps
from residual.data.images import Dataset
from residual.data.limits import check_unpacked
from residual.errors import DataError

_SUFFIXES = ("h5", "hdf5")


def holds_hdf5(folder: Path) -> bool:
    """Whether a folder has HDF5 files directly inside."""
    return any(True for suffix in _SUFFIXES for _ in folder.glob(f"*.{suffix}"))


def find_pair(folder: Path) -> tuple[Path, Path] | None:
    """The files train*.h5 and test*.h5 of a folder, or None where there is not exactly one of each."""
    found = []
    for part in ("train", "test"):
        files = sorted(file for suffix in _SUFFIXES for file in folder.glob(f"{part}*.{suffix}"))
        if len(files) != 1:
            return None
        found.append(files[0])
    return found[0], found[1]


def load_folder(folder: Path) -> Dataset:
    """The pair in a folder.

    Raises:
        DataError: when there is not exactly one of each, or `load_pair` cannot read them.
    """
    pair = find_pair(folder)
    if pair is None:
        names = sorted(file.name for suffix in _SUFFIXES for file in folder.glob(f"*.{suffix}"))
        raise DataError(
            f"{folder} needs exactly one train*.h5 and one test*.h5; it holds {', '.join(names)}."
        )
    return load_pair(*pair, name=folder.resolve().name)


def load_pair(train: Path, test: Path, name: str) -> Dataset:
    """Both files of a pair as a Dataset.

    Raises:
        DataError: when a file is missing, is not HDF5, is damaged or lacks an array.
    """
    return to_dataset(name, _read(train, "train"), _read(test, "test"))


def is_signs(path: Path) -> bool:
    """Whether a file has an array of such a pair, or is one of two files called as a pair is."""
    with opened(path) as file:
        keys = set(file)
    pair = find_pair(path.parent)
    return bool(keys & {"train_set_x", "test_set_x"}) or (pair is not None and path in pair)


def load_file(path: Path) -> Dataset:
    """A pair from one path: a file that holds both parts, or one of two files side by side."""
    with opened(path) as file:
        keys = set(file)
    if {"train_set_x", "test_set_x"} <= keys:
        return load_pair(path, path, path.stem)
    pair = find_pair(path.parent)
    if pair is None or path not in pair:  # a third file beside a pair must not be answered with the pair
        raise DataError(
            f"{path} has no partner: one file must hold train_set_x, train_set_y, test_set_x and test_set_y, "
            f"or train*.h5 and test*.h5 must stand side by side. It holds {_listed(keys)}."
        )
    return load_pair(*pair, name=path.resolve().parent.name or path.stem)


def _read(path: Path, part: str) -> Arrays:
    import h5py

    keys = (f"{part}_set_x", f"{part}_set_y")
    with opened(path) as file:
        # Not `get`: of a damaged array it would say that there is none.
        missing = [key for key in keys if key not in file or not isinstance(file[key], h5py.Dataset)]
        if missing:
            raise DataError(f"{path} lacks the array {' and '.join(missing)}; it holds {_listed(file)}.")
        x, y = (array(file, key, path) for key in keys)
        names = array(file, "list_classes", path).ravel() if "list_classes" in file else ()
    return Arrays(x, y, str(path), tuple(_text(value) for value in names))


def array(file, name: str, path: Path) -> np.ndarray:
    """An array of an open file, whose declared size is looked at first: HDF5 makes up what is not stored.

    Args:
        file: open.
        name: of the array.
        path: of the file, for errors.

    Raises:
        DataError: when it is none, or declares far more than the file stores, or its heap of texts is damaged.
    """
    import h5py

    held = file[name]
    if not isinstance(held, h5py.Dataset) or held.shape is None:
        raise DataError(f"{path} ({name}) is no array; write it as one.")
    if held.dtype.hasobject:  # texts of varying length
        check_heaps(path, file.id.get_create_plist().get_sizes()[1])
    chunk = math.prod(held.chunks or ()) * held.dtype.itemsize
    check_unpacked(max(held.nbytes, chunk), held.id.get_storage_size(), f"{path} ({name})")
    return np.asarray(held)


@contextlib.contextmanager
def opened(path: Path):
    """An open HDF5 file; whatever h5py raises on a damaged one, then or while it is read, is a DataError."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            yield file
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except PermissionError:
        raise DataError(f"{path} may not be read: permission denied.") from None
    except Exception as error:  # by the place of the damage OSError, RuntimeError, KeyError, ValueError, ...
        raise DataError(f"{path} cannot be opened: {_reason(error)}. Copy or download it again.") from None


def _reason(error: Exception) -> str:
    text = str(error)
    if "truncated" in text:
        return "truncated"
    return "not an HDF5 file, or damaged" if "signature" in text else "damaged"


def _listed(keys: Iterable[str | bytes]) -> str:
    """Names of arrays for the user; h5py gives those that are no UTF-8 as bytes."""
    return ", ".join(sorted(map(_text, keys))) or "nothing"


def _text(value) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
