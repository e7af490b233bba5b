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
_MOST_ITEMS, _DEEPEST = 10_000, 32
_HARD_LINK, _EXTERNAL_LINK = 0, 64  # H5L_TYPE_HARD and H5L_TYPE_EXTERNAL of the file format


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

    check_links(file, name, path)
    held = file[name]
    if not isinstance(held, h5py.Dataset) or held.shape is None:
        raise DataError(f"{path} ({name}) is no array; write it as one.")
    if held.external or held.is_virtual:
        raise DataError(f"{path} ({name}) has its values in other files: refused. Write them into this file.")
    if held.dtype.hasobject:  # texts of varying length
        check_texts(file, path)
    chunk = math.prod(held.chunks or ()) * held.dtype.itemsize
    check_unpacked(max(held.nbytes, chunk), held.id.get_storage_size(), f"{path} ({name})")
    return np.asarray(held)


def check_links(file, name: str | bytes, path: Path) -> None:
    """DataError if the way to an array leads through a link into another file."""
    import h5py

    place = file
    for part in name.split(b"/" if isinstance(name, bytes) else "/"):
        if not part or not isinstance(place, h5py.Group):
            continue
        if _get_link_type(place, part) == _EXTERNAL_LINK:
            raise DataError(
                f"{path} ({name}) is a link into another file: refused. Write the array into this file."
            )
        place = place[part]


def list_arrays(file, path: Path) -> dict:
    """Type and shape of every array of an open file; links are not followed.

    Raises:
        DataError: if there are more groups and arrays, or groups deeper inside each other, than a file of images has.
    """
    import h5py

    held, seen, pending = {}, 0, [(file, (), 0)]
    while pending:
        group, start, depth = pending.pop()
        for name in group:
            seen += 1
            if seen > _MOST_ITEMS or depth > _DEEPEST:
                raise DataError(
                    f"{path} has more than {_MOST_ITEMS:,} groups and arrays, or groups {_DEEPEST} deep. "
                    "Write the images "
                    "and labels as two arrays."
                )
            if _get_link_type(group, name) != _HARD_LINK:
                continue
            item, whole = group[name], (*start, name)
            if isinstance(item, h5py.Group):
                pending.append((item, whole, depth + 1))
            elif isinstance(item, h5py.Dataset) and item.shape is not None:
                held[_join_names(whole)] = (item.dtype, item.shape)
    return dict(sorted(held.items(), key=lambda array: str(array[0])))


def _get_link_type(group, name: str | bytes) -> int:
    """How a group holds a name. Not `Group.get`, which stumbles over names that are no UTF-8."""
    return group.id.links.get_info(name if isinstance(name, bytes) else name.encode()).type


def _join_names(names: tuple) -> str | bytes:
    """The whole name of an array; h5py gives names that are no UTF-8 as bytes."""
    if all(isinstance(name, str) for name in names):
        return "/".join(names)
    return b"/".join(name if isinstance(name, bytes) else name.encode() for name in names)


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
