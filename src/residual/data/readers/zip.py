"""A zip of class folders, read in place: nothing is unpacked to the disk."""

import threading
import zipfile
from pathlib import Path

from residual.data.archives import check_member_size, clean_names
from residual.data.class_tree import OPTIONS, list_classes
from residual.data.folders import list_names
from residual.data.limits import MOST_BYTES, check_unpacked
from residual.data.location import Location
from residual.data.source import FileSource
from residual.errors import DataError

_FREE = 16 * 1024**2  # what one image may unpack to, however small it is in the archive


class ZipReader:
    """Reads a zip of class folders, by the rules of `class_tree`."""

    name = "zip"
    label = "a zip of class folders"
    suffixes: tuple[str, ...] = (".zip",)
    options: frozenset[str] = OPTIONS

    def matches(self, location: Location) -> bool:
        """By the content, or by the ending if the content says nothing."""
        return location.is_kind("zip", *self.suffixes)

    def open(self, location: Location) -> FileSource:
        """The images of a zip.

        A member is read when it is opened, one at a time; one that would unpack to more than 300 MiB, or to
        100 times its size, is encrypted or is damaged raises DataError then, and the others can still be read.

        Raises:
            DataError: if the file is no zip archive, names a member outside itself, or lacks class folders.
        """
        path = location.file
        archive = _open_zip(path)
        members = clean_names((info.filename for info in archive.infolist()), str(path))
        lock = threading.Lock()

        def read(name: str, most: int = MOST_BYTES + 1) -> bytes:
            with lock:
                return _unpack(archive, archive.getinfo(members[name]), most)

        columns = list_classes(list_names(members, str(path), read), location.options).columns()
        names = columns["names"]
        return FileSource(
            name=path.stem,
            layout=self.label,
            where=str(path),
            is_seekable=True,
            opener=lambda i: read(names[i]),
            **columns,
        )


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except OSError:
        raise
    except Exception as error:  # a damaged directory raises almost anything
        raise DataError(f"{path} is not a zip archive that can be read ({error}). Copy it again.") from None


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    name = f"{archive.filename}: {member.filename}"
    check_member_size(member.file_size, name)
    check_unpacked(member.file_size, member.compress_size, name, _FREE)
    if member.flag_bits & 1:
        raise DataError(f"{name} is encrypted. Unpack the archive and pack it without a password.")
    try:
        with archive.open(member) as file:
            return file.read(most)  # never more than the size that the directory of the zip states
    except Exception as error:  # each method of packing raises its own
        raise DataError(f"{name} cannot be unpacked ({str(error) or type(error).__name__}).") from None
