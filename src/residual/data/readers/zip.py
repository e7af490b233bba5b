"""A zip of class folders, read in place: nothing is unpacked to the disk."""

import threading
import zipfile
from pathlib import Path, PurePosixPath

from residual.data.class_tree import NameTree, list_classes
from residual.data.limits import MOST_BYTES, check_unpacked
from residual.data.location import Location
from residual.data.source import FileSource
from residual.errors import DataError

_FREE = 16 * 1024**2  # what one image may unpack to, however small it is in the archive


class ZipReader:
    """Reads a zip of class folders, by the rules of `class_tree`; a folder around everything is passed through."""

    name = "zip"
    label = "a zip of class folders"
    suffixes: tuple[str, ...] = (".zip",)
    options: frozenset[str] = frozenset()

    def matches(self, location: Location) -> bool:
        """By the ending."""
        return location.is_file(*self.suffixes)

    def open(self, location: Location) -> FileSource:
        """The images of a zip.

        A member is read when it is opened, one at a time; one that would unpack to more than 300 MiB, or to
        100 times its size, is encrypted or is damaged raises DataError then, and the others can still be read.

        Raises:
            DataError: if the file is no zip archive, names a member outside itself, or lacks class folders.
        """
        path = location.file
        archive, members = _list_members(path)
        tree = list_classes(NameTree(members, str(path)), sees_through=True)
        lock = threading.Lock()

        def open_member(i: int) -> bytes:
            with lock:
                return _unpack(archive, members[tree.names[i]])

        return FileSource(
            name=path.stem, layout=self.label, where=str(path), opener=open_member, **tree.columns()
        )


def _list_members(path: Path) -> tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]:
    try:
        archive = zipfile.ZipFile(path)
        members = {info.filename: info for info in archive.infolist() if not info.is_dir()}
    except OSError:
        raise
    except Exception as error:  # a damaged directory raises almost anything
        raise DataError(f"{path} is not a zip archive that can be read ({error}). Copy it again.") from None
    for name in members:
        if name.startswith(("/", "\\")) or ".." in PurePosixPath(name.replace("\\", "/")).parts:
            raise DataError(
                f"{path} holds {name!r}, a path that leads out of the archive: refused. Pack it without."
            )
    return archive, members


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    name = f"{archive.filename}: {member.filename}"
    if member.file_size > MOST_BYTES:
        raise DataError(
            f"{name} would unpack to {member.file_size / 1024**2:,.0f} MiB, more than an image may: "
            f"{MOST_BYTES // 1024**2} MiB."
        )
    check_unpacked(member.file_size, member.compress_size, name, _FREE)
    if member.flag_bits & 1:
        raise DataError(f"{name} is encrypted. Unpack the archive and pack it without a password.")
    try:
        with archive.open(member) as file:
            return file.read(MOST_BYTES + 1)  # never more than the size that the directory of the zip states
    except Exception as error:  # each method of packing raises its own
        raise DataError(f"{name} cannot be unpacked ({str(error) or type(error).__name__}).") from None
