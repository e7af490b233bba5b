"""Arrays of images and labels in an .npz file."""

from residual.data.array_choice import OPTIONS, choose_arrays
from residual.data.arrays import make_source
from residual.data.location import Location
from residual.data.npz_file import read_npz
from residual.data.source import ArraySource


class ArraysReader:
    """Reads x_train, y_train, x_test and y_test, or x and y, or the only pair, or the arrays that options name.

    An array `classes` gives the class names. Pickled arrays are refused.
    """

    name = "arrays"
    label = "arrays in one file"
    suffixes: tuple[str, ...] = (".npz",)
    options: frozenset[str] = OPTIONS

    def matches(self, location: Location) -> bool:
        """By the content, or by the ending if the content says nothing."""
        return location.is_kind("npz", *self.suffixes)

    def open(self, location: Location) -> ArraySource:
        """The images of a file.

        Raises:
            DataError: if the file is damaged, an array is missing, or what is meant is not obvious.
        """
        path = location.file
        arrays = read_npz(path)
        held = {name: (array.dtype, array.shape) for name, array in arrays.items()}
        chosen = choose_arrays(
            path, location.options, held, lambda names: {name: arrays[name] for name in names}
        )
        return make_source(path.stem, self.label, chosen, location.options.get("white"))
