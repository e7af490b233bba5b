"""A tar file, packed by gzip, bzip2 or xz or not: its members listed once, each read where it lies."""

import tarfile
import threading
import weakref
from pathlib import Path

from residual._text import first_line
from residual.data.archives import check_member_size, clean_names
from residual.data.limits import check_unpacked
from residual.data.tar_index import find_wrong_end
from residual.errors import DataError

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_MOST_MEMBERS = 20_000_000
_PEEKED = 40  # members looked at to tell what an archive holds
_UNPACKED_TO_PEEK = 2**23  # bytes of a packed archive that may be unpacked for it


def is_tar(path: Path) -> bool:
    """Whether a file is a tar, by its beginning."""
    try:
        return path.is_file() and tarfile.is_tarfile(path)
    except Exception:  # a damaged beginning raises almost anything
        return False


def is_packed(path: Path) -> bool:
    """Whether a tar is compressed, by its first bytes: then it can only be read in its order."""
    with path.open("rb") as file:
        return file.read(6).startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ"))


def peek_names(path: Path) -> list[str]:
    """Names of the first members; fewer if the archive is damaged there."""
    names = []
    try:
        most = _UNPACKED_TO_PEEK if is_packed(path) else None
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                names.append(member.name)
                if len(names) == _PEEKED or (most is not None and member.offset_data + member.size > most):
                    break
    except Exception:  # whatever is wrong, `TarFile` says it
        return names
    return names


def peek_content(path: Path, name: str, most: int) -> bytes:
    """The content of one of the first members; b"" if it is larger than `most` bytes, or damaged.

    Args:
        name: without a "./" before it.
    """
    try:
        with tarfile.open(path, "r:*") as archive:
            member = next(one for one in archive if one.name.removeprefix("./") == name)
            file = archive.extractfile(member) if member.size <= most else None
            return file.read() if file else b""
    except Exception:  # whatever is wrong, `TarFile` says it
        return b""


def _close(archive: tarfile.TarFile) -> None:
    """Close it and the file below, which `TarFile.close` leaves open if it is packed by none."""
    archive.close()
    if archive.fileobj is not None:
        archive.fileobj.close()


class TarFile:
    """The members of a tar.

    A packed tar is read from its beginning when a member is asked for that lies before the last one: ask in the order
    of the archive.

    Args:
        path: the file.

    Attributes:
        path: the file.
        members: the regular files, by their names, in the order of the archive; folders end in "/".

    Raises:
        DataError: if it is damaged, a member leads outside, or it unpacks to far more than it stores.
    """

    def __init__(self, path: Path):
        self.path = path
        self._lock = threading.Lock()
        try:
            self._archive = tarfile.open(path, "r:*")  # noqa: SIM115 (open as long as members may be asked for)
            weakref.finalize(self, _close, self._archive)
            held = self._list()
            self._check_end()
        except DataError:
            raise
        except Exception as error:  # a damaged header raises almost anything
            raise DataError(
                f"{path} is not a tar that can be read ({first_line(error)}). Copy or download it again."
            ) from None
        self.members = {name: held[whole] for name, whole in clean_names(held, str(path)).items()}

    def _list(self) -> dict[str, tarfile.TarInfo]:
        """The regular files and the folders; another name of a file stands for the file."""
        stored, held = self.path.stat().st_size, {}
        for count, member in enumerate(self._archive):
            check_unpacked(member.offset_data + member.size, stored, str(self.path))
            if count > _MOST_MEMBERS:
                raise DataError(f"{self.path} has more than {_MOST_MEMBERS:,} members.")
            if member.isreg() or member.isdir():
                held[member.name + "/" * member.isdir()] = member
            elif member.islnk() and member.linkname in held:
                held[member.name] = held[member.linkname]
        return held

    def _check_end(self) -> None:
        """DataError if the file has been cut short after a member. A packed one that was cut cannot be unpacked."""
        if is_packed(self.path):
            return
        with self.path.open("rb") as file:
            why = find_wrong_end(file, self._archive.offset, self.path.stat().st_size)
        if why:
            raise DataError(f"{self.path} is not a tar that can be read ({why}). Copy or download it again.")

    def read(self, name: str, most: int = -1) -> bytes:
        """The content of a member, or its beginning.

        Raises:
            DataError: if it is larger than an image may be, or damaged.
        """
        member = self.members[name]
        check_member_size(member.size, f"{self.path}: {name}")
        with self._lock:
            try:
                file = self._archive.extractfile(member)
                return file.read(most if most >= 0 else member.size) if file else b""
            except Exception as error:  # by the way of packing
                raise DataError(
                    f"{self.path}: {name} cannot be unpacked ({str(error) or type(error).__name__})."
                ) from None
