"""Arrays of images and labels in several files side by side: X.npy and y.npy, train.h5 and test.h5."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from residual.data.array_choice import OPTIONS, Kind, choose_arrays, to_text
from residual.data.arrays import make_source
from residual.data.hdf5_file import SUFFIXES as HDF5
from residual.data.hdf5_file import list_arrays, open_hdf5, read_array
from residual.data.location import Location
from residual.data.npz_file import list_npz, read_npz
from residual.data.source import ArraySource
from residual.errors import DataError

_SUFFIXES = (".npy", ".npz", *HDF5)
_MOST_FILES = 200

Held = dict[str, tuple[Kind, Callable[[], np.ndarray]]]  # name -> type and shape, and what reads it


class ArrayFilesReader:
    """Reads a folder of files with arrays, or one of them with those beside it, as one file.

    A file with one array is called as the file is, X of X.npy; one of several has both names: train/x of train.h5.
    """

    name = "array-files"
    label = "arrays in files side by side"
    suffixes: tuple[str, ...] = (".npy",)
    options: frozenset[str] = OPTIONS

    def matches(self, location: Location) -> bool:
        """By the ending, by two files directly inside a folder, or by a file with one array that has others beside."""
        if location.is_folder():
            return len(_list_files(location.file)) > 1
        if location.is_file(".npy"):
            return True
        path = location.path
        if path is None or not location.is_file(*_SUFFIXES) or len(_list_files(path.parent)) < 2:
            return False
        try:
            return not location.options and len(_list_held(path)) == 1
        except (DataError, OSError):  # the reader of such a file says what is wrong
            return False

    def open(self, location: Location) -> ArraySource:
        """The images.

        Raises:
            DataError: if a file is damaged or would need unpickling, or what is meant is not obvious.
        """
        path = location.file
        folder = path if path.is_dir() else path.parent
        arrays: Held = {}
        own: set[str] = set()
        for file in _list_files(folder):
            found = _list_held(file)
            names = {name: file.stem if len(found) == 1 else f"{file.stem}/{name}" for name in found}
            arrays |= {names[name]: held for name, held in found.items()}
            own |= set(names.values()) if file == path else set()
        kinds = {name: kind for name, (kind, _) in arrays.items()}

        def read(names: list[str]) -> dict[str, np.ndarray]:
            if path != folder and not own & set(
                names
            ):  # a third file beside a pair is not answered with the pair
                raise DataError(
                    f"{path} holds {', '.join(sorted(own))}: neither the images nor the labels of the files beside it. "
                    f"Name them: {path}::images=NAME,labels=NAME"
                )
            return {name: arrays[name][1]() for name in names}

        parts = choose_arrays(path, location.options, kinds, read)
        return make_source(folder.resolve().name, self.label, parts, location.options.get("white"))


def _list_files(folder: Path) -> list[Path]:
    found = [file for suffix in _SUFFIXES for file in folder.glob(f"*{suffix}") if file.is_file()]
    return sorted(found)[:_MOST_FILES]


def _list_held(path: Path) -> Held:
    """The arrays of one file."""
    suffix = path.suffix.lower()
    if suffix == ".npy":
        array = _map_array(path)
        return {"": ((array.dtype, array.shape), lambda: np.array(array))}
    if suffix == ".npz":
        return {name: (kind, partial(_read_member, path, name)) for name, kind in list_npz(path).items()}
    with open_hdf5(path) as file:
        kinds = list_arrays(file, path)
    return {to_text(name): (kind, partial(_read_hdf5, path, name)) for name, kind in kinds.items()}


def _read_member(path: Path, name: str) -> np.ndarray:
    return read_npz(path)[name]


def _read_hdf5(path: Path, name: str) -> np.ndarray:
    with open_hdf5(path) as file:
        return read_array(file, name, path)


def _map_array(path: Path) -> np.ndarray:
    """An array of which nothing is read yet: no more can be declared than the file has."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # header and dtype errors alike
        raise DataError(
            f"{path} is not an .npy that can be read safely ({str(error) or type(error).__name__}). "
            "Write a plain array with numpy.save."
        ) from None
