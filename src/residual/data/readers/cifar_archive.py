"""The official archives of CIFAR-10 and CIFAR-100, read in place."""

import tarfile
from pathlib import Path, PurePosixPath

from residual.data import cifar10, cifar100
from residual.data.arrays import make_source
from residual.data.images import Images
from residual.data.location import Location
from residual.data.source import ArraySource
from residual.data.tar_file import peek_names
from residual.errors import DataError

# The official archives have 9 and 5 members; a batch is 31 MB, the largest file 155 MB.
_MOST_MEMBERS, _MOST_IN_ALL = 100, 1024**3


class CifarArchiveReader:
    """Reads cifar-10-python.tar.gz and cifar-100-python.tar.gz as they are downloaded."""

    name = "cifar-archive"
    label = "an official archive of CIFAR"
    suffixes: tuple[str, ...] = ()
    options: frozenset[str] = frozenset(("label",))

    def matches(self, location: Location) -> bool:
        """By the names of the first members."""
        if not location.is_file(".tgz", ".tar.gz", ".tar"):
            return False
        names = peek_names(location.file)
        return any(
            PurePosixPath(name).name in cifar10.BATCHES or cifar100.ARCHIVE_FOLDER in name for name in names
        )

    def open(self, location: Location) -> ArraySource:
        """The images of both splits.

        Raises:
            DataError: if the archive or a batch is damaged, a batch is missing, or one asks to run code.
        """
        path = location.file
        is_100 = any(cifar100.ARCHIVE_FOLDER in name for name in peek_names(path))
        names = cifar100.FILES if is_100 else cifar10.BATCHES
        try:
            held = _read_members(path, names, cifar100.MOST_BYTES if is_100 else cifar10.MOST_BYTES, is_100)
        except DataError:
            raise
        except Exception as error:  # a damaged header raises almost anything
            raise DataError(
                f"{path} is not a tar.gz that can be read ({error}). Download it again."
            ) from None
        missing = [name for name in names if name not in held]
        if missing:
            raise DataError(
                f"{path} lacks {', '.join(missing)}: it is not the Python version of "
                f"CIFAR-{100 if is_100 else 10}. "
                f"Download {cifar100.ARCHIVE_FOLDER + '.tar.gz' if is_100 else cifar10.ARCHIVE}."
            )
        if not is_100:
            return cifar10.join_batches(held, self.label, str(path))
        kind = cifar100.get_kind(location)
        source = make_source("cifar100", self.label, cifar100.read_files(held, kind, str(path)))
        return source.with_notes(cifar100.describe_kind(kind, str(path)))


def _read_members(path: Path, names: tuple[str, ...], most: int, is_100: bool) -> dict[str, Images | bytes]:
    """The batches of CIFAR-10, or the bytes of the files of CIFAR-100."""
    found: dict[str, Images | bytes] = {}
    in_all = 0
    with tarfile.open(path, "r:*") as archive:
        for count, member in enumerate(archive):
            in_all += member.size
            if count > _MOST_MEMBERS or member.size > most or in_all > _MOST_IN_ALL:
                raise DataError(f"{path} is no CIFAR archive: it holds {member.name!r} and more.")
            name = PurePosixPath(member.name).name
            file = archive.extractfile(member) if name in names and member.isfile() else None
            if file is not None:
                found[name] = (
                    file.read(most + 1) if is_100 else cifar10.read_batch(file, f"{path}: {member.name}")
                )
    return found
