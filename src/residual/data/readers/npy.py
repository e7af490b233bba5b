"""Arrays of images and labels in .npy files side by side."""

from pathlib import Path

import numpy as np

from residual.data.array_choice import OPTIONS, choose_arrays
from residual.data.arrays import make_source
from residual.data.location import Location
from residual.data.source import ArraySource
from residual.errors import DataError


class NpyReader:
    """Reads a folder of .npy files, or one of them with those beside it, as one file of arrays called as they are."""

    name = "npy"
    label = "arrays in files side by side"
    suffixes: tuple[str, ...] = (".npy",)
    options: frozenset[str] = OPTIONS

    def matches(self, location: Location) -> bool:
        """By the ending, or by two files directly inside a folder."""
        if location.is_folder():
            return len(_list_files(location.file)) > 1
        return location.is_file(*self.suffixes)

    def open(self, location: Location) -> ArraySource:
        """The images.

        Raises:
            DataError: if a file is damaged or would need unpickling, or what is meant is not obvious.
        """
        path = location.file
        folder = path if path.is_dir() else path.parent
        arrays = {file.stem: _map_array(file) for file in _list_files(folder)}
        held = {name: (array.dtype, array.shape) for name, array in arrays.items()}
        parts = choose_arrays(
            path, location.options, held, lambda names: {name: np.array(arrays[name]) for name in names}
        )
        return make_source(folder.resolve().name, self.label, parts, location.options.get("white"))


def _list_files(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.glob("*.npy")) if file.is_file()]


def _map_array(path: Path) -> np.ndarray:
    """An array of which nothing is read yet: no more can be declared than the file has."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # header and dtype errors alike
        raise DataError(
            f"{path} is not an .npy that can be read safely ({str(error) or type(error).__name__}). "
            "Write a plain array with numpy.save."
        ) from None
