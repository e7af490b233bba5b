"""Arrays of images and labels anywhere in an HDF5 file."""

from residual.data.array_choice import OPTIONS, Kind, choose_arrays
from residual.data.arrays import make_source
from residual.data.hdf5_file import SUFFIXES, list_arrays, open_hdf5, read_array
from residual.data.location import Location
from residual.data.source import ArraySource


class Hdf5Reader:
    """Reads the only pair of images and labels, or the arrays that options name: "group/array"."""

    name = "hdf5"
    label = "arrays in one file"
    suffixes: tuple[str, ...] = SUFFIXES
    options: frozenset[str] = OPTIONS

    def matches(self, location: Location) -> bool:
        """By the content, or by the ending if the content says nothing."""
        return location.is_kind("hdf5", *SUFFIXES)

    def open(self, location: Location) -> ArraySource:
        """The images of a file.

        Raises:
            DataError: if the file is damaged, an array is missing, or what is meant is not obvious.
        """
        path = location.file
        with open_hdf5(path) as file:
            held: dict[str, Kind] = list_arrays(file, path)

        def read(names):
            with open_hdf5(path) as file:
                return {name: read_array(file, name, path) for name in names}

        parts = choose_arrays(path, location.options, held, read)
        return make_source(path.stem, self.label, parts, location.options.get("white"))
