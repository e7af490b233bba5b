"""The official archive of CIFAR-10, read in place."""

import tarfile
from pathlib import Path, PurePosixPath

from residual.data import cifar10
from residual.data.images import Images
from residual.data.location import Location
from residual.data.source import ArraySource
from residual.errors import DataError

# The official archive has 9 members; a batch is 31 MB.
_MOST_MEMBERS, _MOST_IN_ALL = 100, 1024**3


class CifarArchiveReader:
    """Reads cifar-10-python.tar.gz as it is downloaded."""

    name = "cifar-archive"
    label = "the official archive of CIFAR-10"
    suffixes: tuple[str, ...] = (".tgz", ".tar.gz")
    options: frozenset[str] = frozenset()

    def matches(self, location: Location) -> bool:
        """By the ending."""
        return location.is_file(*self.suffixes)

    def open(self, location: Location) -> ArraySource:
        """The images of all batches.

        Raises:
            DataError: if the archive or a batch is damaged, a batch is missing, or one asks to run code.
        """
        path = location.file
        try:
            batches = _read_batches(path)
        except DataError:
            raise
        except Exception as error:  # a damaged header raises almost anything
            raise DataError(
                f"{path} is not a tar.gz that can be read ({error}). Download it again."
            ) from None
        missing = [name for name in cifar10.BATCHES if name not in batches]
        if missing:
            raise DataError(
                f"{path} lacks {', '.join(missing)}: it is not the Python version of CIFAR-10. "
                f"Download {cifar10.ARCHIVE}."
            )
        return cifar10.join_batches(batches, self.label, str(path))


def _read_batches(path: Path) -> dict[str, Images]:
    batches: dict[str, Images] = {}
    in_all = 0
    with tarfile.open(path, "r:gz") as archive:
        for count, member in enumerate(archive):
            in_all += member.size
            if count > _MOST_MEMBERS or member.size > cifar10.MOST_BYTES or in_all > _MOST_IN_ALL:
                raise DataError(f"{path} is no CIFAR-10 archive: it holds {member.name!r} and more.")
            name = PurePosixPath(member.name).name
            file = archive.extractfile(member) if name in cifar10.BATCHES and member.isfile() else None
            if file is not None:
                batches[name] = cifar10.read_batch(file, f"{path}: {member.name}")
    return batches
