"""The official batches of CIFAR-10, unpacked."""

from residual.data import cifar10
from residual.data.location import Location
from residual.data.source import ArraySource


class CifarBatchesReader:
    """Reads a folder cifar-10-batches-py: 50,000 and 10,000 images of 32x32."""

    name = "cifar-batches"
    label = "the official batches of CIFAR-10"
    suffixes: tuple[str, ...] = ()
    options: frozenset[str] = frozenset()

    def matches(self, location: Location) -> bool:
        """By the names of the files in a folder."""
        return location.is_folder() and cifar10.is_batches(location.file)

    def open(self, location: Location) -> ArraySource:
        """The images of all batches.

        Raises:
            DataError: if a batch is missing, damaged, or asks to run code.
        """
        folder = location.file
        batches = {name: cifar10.read_batch_file(folder / name) for name in cifar10.BATCHES}
        return cifar10.join_batches(batches, self.label, str(folder))
