"""The one door to HDF5 files: opened, listed and read without trust in what they declare."""

import contextlib
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from residual.data.hdf5_heaps import check_heaps
from residual.data.limits import check_unpacked
from residual.errors import DataError

SUFFIXES = (".h5", ".hdf5")


def read_array(file, name: str, path: Path) -> np.ndarray:
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
        check_texts(file, path)
    chunk = math.prod(held.chunks or ()) * held.dtype.itemsize
    check_unpacked(max(held.nbytes, chunk), held.id.get_storage_size(), f"{path} ({name})")
    return np.asarray(held)


def check_texts(file, path: Path) -> None:
    """Look at where the texts of an open file lie, before the library does, which a damaged place hangs."""
    check_heaps(path, file.id.get_create_plist().get_sizes()[1])


def open_file(path: Path, explain: Callable[[Path, OSError], str] | None = None):
    """An HDF5 file, to be closed by the caller.

    Args:
        path: the file.
        explain: says why a damaged file cannot be opened; None says it in general words.

    Raises:
        DataError: if it is not there, may not be read, or is damaged.
    """
    import h5py

    try:
        return h5py.File(path, "r")
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except PermissionError:
        raise DataError(f"{path} may not be read: permission denied.") from None
    except OSError as error:
        raise DataError(explain(path, error) if explain else _describe(path, error)) from None
    except Exception as error:  # by the place of the damage RuntimeError, KeyError, ValueError, ...
        raise DataError(_describe(path, error)) from None


@contextlib.contextmanager
def open_hdf5(path: Path):
    """An open HDF5 file; whatever h5py raises on a damaged one, then or while it is read, is a DataError."""
    with open_file(path) as file:
        try:
            yield file
        except DataError:
            raise
        except Exception as error:
            raise DataError(_describe(path, error)) from None


def _describe(path: Path, error: Exception) -> str:
    return f"{path} cannot be opened: {_find_reason(error)}. Copy or download it again."


def _find_reason(error: Exception) -> str:
    text = str(error)
    if "truncated" in text:
        return "truncated"
    return "not an HDF5 file, or damaged" if "signature" in text else "damaged"
