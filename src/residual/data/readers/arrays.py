"""Arrays of images and labels in an .npz file."""

import warnings
import zipfile
from pathlib import Path

import numpy as np

from residual.data.array_choice import OPTIONS, choose_arrays
from residual.data.arrays import make_source
from residual.data.limits import check_unpacked
from residual.data.location import Location
from residual.data.source import ArraySource
from residual.errors import DataError


class ArraysReader:
    """Reads x_train, y_train, x_test and y_test, or x and y, or the only pair, or the arrays that options name.

    An array `classes` gives the class names. Pickled arrays are refused.
    """

    name = "arrays"
    label = "arrays in one file"
    suffixes: tuple[str, ...] = (".npz",)
    options: frozenset[str] = OPTIONS

    def matches(self, location: Location) -> bool:
        """By the ending."""
        return location.is_file(*self.suffixes)

    def open(self, location: Location) -> ArraySource:
        """The images of a file.

        Raises:
            DataError: if the file is damaged, an array is missing, or what is meant is not obvious.
        """
        path = location.file
        arrays = _read_npz(path)
        held = {name: (array.dtype, array.shape) for name, array in arrays.items()}
        chosen = choose_arrays(
            path, location.options, held, lambda names: {name: arrays[name] for name in names}
        )
        return make_source(path.stem, self.label, chosen, location.options.get("white"))


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    """Every array of an .npz by its name, not what else is in it; DataError if that would need unpickling."""
    # Without this look np.load would take any .npy or pickle for what its suffix says it is not.
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path} is not an .npz: it is no zip archive. Write it with numpy.savez.")
    try:
        # Opened here, as NumPy leaves the file open if its directory is damaged.
        with (
            path.open("rb") as opened,
            np.load(opened, allow_pickle=False) as file,
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # a damaged header is Python that Python warns of
            check_unpacked(
                sum(held.file_size for held in file.zip.infolist()), path.stat().st_size, str(path)
            )
            members = {key: file[key] for key in file.files}
    except DataError:
        raise
    except Exception as error:  # zip, header and dtype errors alike
        raise DataError(
            f"{path} is not an .npz that can be read safely ({str(error) or type(error).__name__}). "
            "Write plain arrays with numpy.savez."
        ) from None
    return {key: held for key, held in members.items() if isinstance(held, np.ndarray)}
