"""Decoded images kept on a disk between epochs, runs and processes of a machine: each is decoded once.

The file is as large as all decoded images together, and takes room as they come. Each image has a stamp: what its file
was like when it was decoded, and a checksum of the pixels. A stamp that does not fit counts as none, so that neither a
changed image nor a write that was interrupted gives wrong pixels.
"""

import hashlib
import os
import shutil
import threading
import warnings
import weakref
import zlib
from pathlib import Path

import numpy as np
import PIL

from residual._text import format_bytes
from residual.errors import DataError, ResidualWarning

VARIABLE = "RESIDUAL_PIXEL_CACHE"  # the folder of these files
_STAMP = 16  # bytes for each image: of the file, of the pixels
_SPARE = 2**30  # bytes that stay free
_STYLE = f"1, Pillow {PIL.__version__}"  # how images are decoded; another number if `read_image` gives other pixels
_OPEN = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class PixelCache:
    """Images of one size in a file, by their rows.

    Args:
        path: the file; it is made if it is not there.
        count: how many images there are.
        shape: (height, width, 3) of each.

    Raises:
        DataError: if the folder is not there, the disk has not enough room for all of them, or the file cannot be
            opened.
    """

    def __init__(self, path: Path, count: int, shape: tuple[int, ...]):
        self.path, self._size = path, int(np.prod(shape))
        self._first = -(-count * _STAMP // 4096) * 4096  # of the pixels
        self.nbytes = self._first + count * self._size
        self._check_room(count, shape)
        try:  # of this user alone: what another one writes is not believed
            self._file = open(os.open(path, _OPEN, 0o600), "r+b", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise DataError(
                f"{path} cannot be used for decoded images: {error.strerror or error}. Let {VARIABLE} name a folder "
                "of your own, or unset it."
            ) from None
        weakref.finalize(self, self._file.close)
        self._lock, self._problem, self._has_warned = threading.Lock(), "", False

    def _check_room(self, count: int, shape: tuple[int, ...]) -> None:
        folder = self.path.parent
        if not folder.is_dir():
            raise DataError(
                f"There is no folder {folder} for decoded images ({VARIABLE}). Make it, or unset {VARIABLE}."
            )
        status = self.path.stat() if self.path.is_file() else None
        taken = 512 * getattr(status, "st_blocks", 0)
        free = shutil.disk_usage(folder).free
        if self.nbytes - taken + _SPARE > free:
            raise DataError(
                f"{count:,} images of {shape[0]}x{shape[1]} pixels take {format_bytes(self.nbytes)} decoded; "
                f"{folder} ({VARIABLE}) has {format_bytes(free)} free. Name a folder with more room, use a smaller "
                f"`image_size`, or unset {VARIABLE} to decode images again in every epoch."
            )

    def read(self, row: int, stamp: int, out: np.ndarray) -> bool:
        """Fill `out` with an image; False if it is not here, or was decoded from another file.

        Args:
            row: of the image.
            stamp: of its file now, not 0.
            out: uint8 (height, width, 3).
        """
        try:
            held = np.frombuffer(self._read_at(row * _STAMP, _STAMP).ljust(_STAMP, b"\0"), np.uint64)
            if int(held[0]) != stamp:
                return False
            pixels = self._read_at(self._first + row * self._size, self._size)
        except OSError as error:
            self._problem = str(error.strerror or error)
            return False
        if len(pixels) < self._size or zlib.crc32(pixels) != int(held[1]):
            return False
        out.reshape(-1)[:] = np.frombuffer(pixels, np.uint8)
        return True

    def write(self, row: int, stamp: int, image: np.ndarray) -> None:
        """Keep an image; from the first time that this fails, nothing more is kept, and `warn` says why."""
        if self._problem:
            return
        pixels = np.ascontiguousarray(image)
        try:
            self._write_at(self._first + row * self._size, pixels.data.cast("B"))
            self._write_at(row * _STAMP, np.array([stamp, zlib.crc32(pixels)], np.uint64).tobytes())
        except OSError as error:
            self._problem = str(error.strerror or error)

    def warn(self) -> None:
        """Say once that no more images are kept, and why; nothing if they are."""
        with self._lock:
            before, self._has_warned = self._has_warned, bool(self._problem)
        if self._problem and not before:
            warnings.warn(
                f"{self.path} cannot be read or written: {self._problem}. No more decoded images are kept there; those "
                "that are missing are decoded in every epoch, which takes longer.",
                ResidualWarning,
                stacklevel=2,
            )

    def _read_at(self, offset: int, size: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._file.fileno(), size, offset)
        with self._lock:
            self._file.seek(offset)
            return self._file.read(size) or b""

    def _write_at(self, offset: int, content) -> None:
        if hasattr(os, "pwrite"):
            written = os.pwrite(self._file.fileno(), content, offset)
        else:
            with self._lock:
                self._file.seek(offset)
                written = self._file.write(content)
        if written != len(content):
            raise OSError("the disk is full")  # it took a part

    @property
    def description(self) -> str:
        """Where the images are kept, for the user."""
        return f"decoded once and kept in {self.path}, up to {format_bytes(self.nbytes)}"


def open_cache(facts: bytes, count: int, shape: tuple[int, ...]) -> PixelCache | None:
    """The cache in the folder that RESIDUAL_PIXEL_CACHE names; None if it names none.

    Args:
        facts: what the rows are: where the images lie, their names, and how they are decoded.
        count: how many images there are.
        shape: (height, width, 3) of each.

    Raises:
        DataError: as for `PixelCache`.
    """
    folder = os.environ.get(VARIABLE)
    if not folder:
        return None
    key = hashlib.sha256(facts + repr((_STYLE, count, shape)).encode()).hexdigest()[:16]
    return PixelCache(Path(folder).expanduser() / f"residual-pixels-{key}.cache", count, shape)


def stamp_content(content: bytes | Path) -> int:
    """A number that changes with the content of an image file: of bytes by their checksum, of a path by size and times.

    On POSIX the time of the last change counts too: copies often set that of the last write back to the original's.

    Raises:
        OSError: if there is no such file.
    """
    if isinstance(content, bytes):
        return (len(content) << 32 | zlib.crc32(content)) % 2**64 or 1
    status = content.stat()
    times = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
    digest = hashlib.blake2b(times.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") or 1
