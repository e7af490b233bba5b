"""Decoded images kept on a disk between epochs, runs and processes of a machine: each is decoded once.

The file is as large as all decoded images together, and takes room as they come. Each image has a stamp: what its file
was like when it was decoded, and a checksum of the pixels. A stamp that does not fit counts as none, so that neither a
changed image nor a write that was interrupted gives wrong pixels.
"""

import hashlib
import os
import shutil
import threading
import weakref
import zlib
from pathlib import Path

import numpy as np

from residual._text import format_bytes
from residual.errors import DataError

VARIABLE = "RESIDUAL_PIXEL_CACHE"  # the folder of these files
_STAMP = 16  # bytes for each image: of the file, of the pixels
_SPARE = 2**30  # bytes that stay free


class PixelCache:
    """Images of one size in a file, by their rows.

    Args:
        path: the file; it is made if it is not there.
        count: how many images there are.
        shape: (height, width, 3) of each.

    Raises:
        DataError: if the folder is not there, or the disk has not enough room for all of them.
    """

    def __init__(self, path: Path, count: int, shape: tuple[int, ...]):
        self.path, self._size = path, int(np.prod(shape))
        self._first = -(-count * _STAMP // 4096) * 4096  # of the pixels
        self.nbytes = self._first + count * self._size
        self._check_room(count, shape)
        self._file = open(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._lock, self._is_full = threading.Lock(), False

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
        held = np.frombuffer(self._read_at(row * _STAMP, _STAMP).ljust(_STAMP, b"\0"), np.uint64)
        if int(held[0]) != stamp:
            return False
        pixels = self._read_at(self._first + row * self._size, self._size)
        if len(pixels) < self._size or zlib.crc32(pixels) != int(held[1]):
            return False
        out.reshape(-1)[:] = np.frombuffer(pixels, np.uint8)
        return True

    def write(self, row: int, stamp: int, image: np.ndarray) -> None:
        """Keep an image; from the first time that the disk is full, nothing more is kept."""
        if self._is_full:
            return
        pixels = np.ascontiguousarray(image)
        try:
            self._write_at(self._first + row * self._size, pixels.data.cast("B"))
            self._write_at(row * _STAMP, np.array([stamp, zlib.crc32(pixels)], np.uint64).tobytes())
        except OSError:
            self._is_full = True

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
            raise OSError("the disk is full")

    @property
    def description(self) -> str:
        """Where the images are kept, for the user."""
        return f"decoded once and kept in {self.path}, up to {format_bytes(self.nbytes)}"


def open_cache(facts: bytes, count: int, shape: tuple[int, ...]) -> PixelCache | None:
    """The cache in the folder that RESIDUAL_PIXEL_CACHE names; None if it names none.

    Args:
        facts: what the rows are: names and how they are decoded.
        count: how many images there are.
        shape: (height, width, 3) of each.

    Raises:
        DataError: as for `PixelCache`.
    """
    folder = os.environ.get(VARIABLE)
    if not folder:
        return None
    key = hashlib.sha256(facts + repr((count, shape)).encode()).hexdigest()[:16]
    return PixelCache(Path(folder).expanduser() / f"residual-pixels-{key}.cache", count, shape)


def stamp_content(content: bytes | Path) -> int:
    """A number that changes with the content of an image file: of bytes by their checksum, of a path by size and time.

    Raises:
        OSError: if there is no such file.
    """
    if isinstance(content, bytes):
        return (len(content) << 32 | zlib.crc32(content)) % 2**64 or 1
    status = content.stat()
    digest = hashlib.blake2b(f"{status.st_size} {status.st_mtime_ns}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") or 1
