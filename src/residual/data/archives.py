"""A zip of class folders, read in place: nothing is unpacked to the disk."""

import threading
import zipfile
from pathlib import Path, PurePosixPath

from residual.data.listing import list_tree
from residual.data.raw import Raw
from residual.errors import DataError

# The largest bitmap that Pillow opens without a warning has 89 million pixels of 3 bytes.
MOST_BYTES = 300 * 1024**2


def read_zip(path: Path) -> Raw:
    """The images of a zip archive, in class folders as `folders.load_folder` takes them.

    A member is read when its entry is opened, one at a time; one that would unpack to more than 300 MiB,
    is encrypted or is damaged raises DataError then, and the others can still be read.

    Raises:
        DataError: when the file is no zip archive, names a member outside itself, or lacks class folders.
    """
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
    listing = list_tree(members, str(path))
    lock = threading.Lock()

    def open_entry(i: int) -> bytes:
        name = listing.entries[i].name
        with lock:
            return _unpacked(archive, members[name])

    return Raw(
        name=path.stem,
        layout="a zip of class folders",
        where=str(path),
        classes=listing.classes,
        entries=listing.entries,
        open=open_entry,
        passed_over=listing.passed_over,
        made_test=listing.made_test,
    )


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    name = f"{archive.filename}: {member.filename}"
    if member.file_size > MOST_BYTES:
        raise DataError(
            f"{name} would unpack to {member.file_size / 1024**2:,.0f} MiB, more than an image may: "
            f"{MOST_BYTES // 1024**2} MiB."
        )
    if member.flag_bits & 1:
        raise DataError(f"{name} is encrypted. Unpack the archive and pack it without a password.")
    try:
        with archive.open(member) as file:
            return file.read(MOST_BYTES + 1)  # never more than the size that the directory of the zip states
    except Exception as error:  # each method of packing raises its own
        raise DataError(f"{name} cannot be unpacked ({str(error) or type(error).__name__}).") from None
