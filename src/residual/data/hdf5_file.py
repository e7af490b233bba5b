"""The one door to HDF5 files: opened, listed and read without trust in what they declare."""

import contextlib
import math
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
        check_heaps(path, file.id.get_create_plist().get_sizes()[1])
    chunk = math.prod(held.chunks or ()) * held.dtype.itemsize
    check_unpacked(max(held.nbytes, chunk), held.id.get_storage_size(), f"{path} ({name})")
    return np.asarray(held)


@contextlib.contextmanager
def open_hdf5(path: Path):
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
