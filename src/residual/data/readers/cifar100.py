"""CIFAR-100 as it is downloaded: the folder cifar-100-python with train, test and meta."""

from pathlib import Path

from residual.data import cifar100
from residual.data.arrays import make_source
from residual.data.location import Location
from residual.data.source import ArraySource
from residual.errors import DataError


class Cifar100Reader:
    """Reads 50,000 and 10,000 images of 32x32 with 100 fine or, with `label=coarse`, 20 coarse classes."""

    name = "cifar100"
    label = "the official files of CIFAR-100"
    suffixes: tuple[str, ...] = ()
    options: frozenset[str] = frozenset(("label",))

    def matches(self, location: Location) -> bool:
        """By the names of the files in a folder, or of a folder inside it."""
        return location.is_folder() and cifar100.find_files(location.file) is not None

    def open(self, location: Location) -> ArraySource:
        """The images of both splits.

        Raises:
            DataError: if a file is missing, damaged, or asks to run code.
        """
        folder, kind = cifar100.find_files(location.file) or location.file, cifar100.get_kind(location)
        contents = {name: _read(folder / name) for name in cifar100.FILES}
        parts = cifar100.read_files(contents, kind, str(folder))
        source = make_source("cifar100", self.label, parts)
        return source.with_notes(cifar100.describe_kind(kind, str(location.file)))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(cifar100.MOST_BYTES + 1)
    except OSError as error:
        raise DataError(f"{path} may not be read: {error.strerror}. Unpack the archive again.") from None
