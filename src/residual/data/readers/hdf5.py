"""Arrays of images and labels anywhere in an HDF5 file."""

from residual.data.array_choice import ROLES, Kind, choose_arrays
from residual.data.arrays import make_source
from residual.data.hdf5_file import SUFFIXES, open_hdf5, read_array
from residual.data.location import Location
from residual.data.source import ArraySource


class Hdf5Reader:
    """Reads the only pair of images and labels, or the arrays that options name: "group/array"."""

    name = "hdf5"
    label = "arrays in one file"
    suffixes: tuple[str, ...] = SUFFIXES
    options: frozenset[str] = frozenset(ROLES)

    def matches(self, location: Location) -> bool:
        """By the ending."""
        return location.is_file(*SUFFIXES)

    def open(self, location: Location) -> ArraySource:
        """The images of a file.

        Raises:
            DataError: if the file is damaged, an array is missing, or what is meant is not obvious.
        """
        path = location.file
        with open_hdf5(path) as file:
            held = _list_arrays(file)

        def read(names):
            with open_hdf5(path) as file:
                return {name: read_array(file, name, path) for name in names}

        return make_source(path.stem, self.label, *choose_arrays(path, location.options, held, read))


def _list_arrays(file) -> dict[str, Kind]:
    """Type and shape of every array."""
    import h5py

    held: dict[str, Kind] = {}

    def note(name, item):
        if isinstance(item, h5py.Dataset) and item.shape is not None:
            held[name] = (item.dtype, item.shape)

    file.visititems(note)
    return held
