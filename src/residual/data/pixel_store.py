"""Pixels that are too many for the memory: read from a temporary file, or decoded, when they are asked for."""

import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from residual._text import format_bytes
from residual.errors import DataError

IN_MEMORY = 256 * 2**20  # bytes of pixels up to which images stay in memory
_PIECE = 16 * 2**20


class PixelFile(Protocol):
    """What a `PixelStore` reads: a temporary file of pixels, or image files that are decoded on demand.

    Attributes:
        is_lazy: whether images are decoded when they are read.
        unreadable: row -> why it could not be read, of those that another was shown for.
    """

    is_lazy: bool

    @property
    def unreadable(self) -> dict[int, str]: ...

    @property
    def description(self) -> str:
        """Where the pixels lie, for the user."""
        ...

    def read(self, rows: np.ndarray, out: np.ndarray) -> None:
        """Read each row into its place in `out`."""
        ...

    def replacing(self, rows: np.ndarray, labels: np.ndarray, most: float) -> "PixelFile":
        """The same for training images, of which a share may be unreadable."""
        ...


class PixelStore:
    """uint8 (n, height, width, 3) that are not in memory; indexing along the images reads them into memory.

    Args:
        file: holds the images.
        shape: (height, width, 3) of an image.
        rows: int64 (n,), which images of the file these are, in this order.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, file: PixelFile, shape: tuple[int, ...], rows: np.ndarray):
        self.file, self.rows = file, rows
        self.shape = (len(rows), *shape)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def size(self) -> int:
        """How many values: n x height x width x 3."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes that they would take in memory."""
        return self.size

    def __getitem__(self, key) -> np.ndarray:
        """One image (h, w, 3) for a number, else those (k, h, w, 3) of a slice, of numbers or of a mask."""
        if isinstance(key, tuple):
            raise IndexError(f"Images on disk take one index, along the images; got {key!r}.")
        rows = self.rows[key]
        out = np.empty((*np.shape(rows), *self.shape[1:]), np.uint8)
        self.file.read(np.ravel(rows), out.reshape(-1, *self.shape[1:]))
        return out

    def __setitem__(self, number: int, image: np.ndarray) -> None:
        """Write one image; only into a temporary file."""
        self.file.write(int(self.rows[number]), image)  # type: ignore[attr-defined]

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        """All of them, in memory."""
        return self[:] if dtype is None else self[:].astype(dtype)

    @property
    def description(self) -> str:
        """Where the pixels lie, for the user."""
        return self.file.description

    @property
    def is_lazy(self) -> bool:
        """Whether the images are decoded when they are read."""
        return self.file.is_lazy

    @property
    def unreadable(self) -> tuple[str, ...]:
        """Why images could not be read so far that another was shown for."""
        return tuple(self.file.unreadable.values())

    def replacing_unreadable(self, labels: np.ndarray, most: float) -> "PixelStore":
        """The same as training images: if one cannot be read, the next of its class is shown in its place.

        Args:
            labels: int (n,), their classes.
            most: share of them that may be unreadable.
        """
        return PixelStore(self.file.replacing(self.rows, labels, most), self.shape[1:], self.rows)

    def only(self, indices) -> "PixelStore":
        """The images at `indices`, in that order, without reading them."""
        return PixelStore(self.file, self.shape[1:], self.rows[indices])

    def and_also(self, other: "PixelStore") -> "PixelStore":
        """These images and then those of `other`, which lie in the same file."""
        return PixelStore(self.file, self.shape[1:], np.concatenate([self.rows, other.rows]))


class _File:
    """Images of one size, one after another in a temporary file.

    Read with `seek` and `read`, not memory-mapped: mapped pages count as this process's memory, and a page
    that has to come from the disk would stop every thread of Python. The file has no name if the system
    allows that, and is gone when the last `PixelStore` on it, or the process, ends, however it ends.
    """

    is_lazy = False

    def __init__(self, size: int):
        self.size = size  # bytes of an image
        self.lock = threading.Lock()  # held by whoever moves the position
        self.raw = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (closed with this object)
        weakref.finalize(self, self.raw.close)

    @property
    def unreadable(self) -> dict[int, str]:
        """Nothing: what could not be decoded is not in the file."""
        return {}

    @property
    def description(self) -> str:
        """Where the pixels lie, for the user."""
        size = format_bytes(os.fstat(self.raw.fileno()).st_size)
        return f"{size} of pixels in a temporary file in {tempfile.gettempdir()}, gone at the end"

    def replacing(self, rows: np.ndarray, labels: np.ndarray, most: float) -> "_File":
        """The file itself, which has no unreadable images."""
        return self

    def read(self, rows: np.ndarray, out: np.ndarray) -> None:
        """Read each row into its place in `out`, forward through the file."""
        with self.lock:
            for place in np.argsort(rows):
                self.raw.seek(int(rows[place]) * self.size)
                view = memoryview(out[place]).cast("B")
                while len(view):
                    count = self.raw.readinto(view)
                    if not count:
                        raise OSError("the temporary file of the images ends too early")
                    view = view[count:]

    def write(self, row: int, image: np.ndarray) -> None:
        """Write one image; OSError when the disk is full."""
        view = memoryview(np.ascontiguousarray(image)).cast("B")
        with self.lock:
            self.raw.seek(row * self.size)
            while len(view):
                view = view[self.raw.write(view) :]


Pixels = np.ndarray | PixelStore


def allocate(count: int, shape: tuple[int, ...], where: str) -> Pixels:
    """Room for `count` images of this (height, width, 3): in memory, or from `IN_MEMORY` bytes on, on disk.

    Raises:
        DataError: when the disk has not enough room; `where` says whose images they are.
    """
    needed = count * int(np.prod(shape))
    if needed <= IN_MEMORY:
        return np.empty((count, *shape), np.uint8)
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            f"{where}: {count:,} images of {shape[0]}x{shape[1]} pixels need {format_bytes(needed)} of "
            f"temporary disk space; {folder} has {format_bytes(free)} free. Use a smaller `image_size`, make room, "
            "or set TMPDIR to a folder with more room."
        )
    return PixelStore(_File(int(np.prod(shape))), shape, np.arange(count))


def is_lazy(x: Pixels) -> bool:
    """Whether images are decoded when they are read, so that a pass over all of them takes long."""
    return isinstance(x, PixelStore) and x.is_lazy


def list_unreadable(x: Pixels) -> list[str]:
    """Why images could not be decoded when they were asked for, in this process."""
    return list(x.unreadable) if isinstance(x, PixelStore) else []


def take_sample(x: Pixels, most: int = 10_000) -> Pixels:
    """All images; of those that are decoded on demand `most`, evenly spread.

    Args:
        x: uint8 (n, height, width, 3).
        most: how many.
    """
    if not (isinstance(x, PixelStore) and x.is_lazy) or len(x) <= most:
        return x
    return x.only(np.linspace(0, len(x) - 1, most).astype(np.int64))


def pieces(x: Pixels, multiple: int = 1) -> Iterator[np.ndarray]:
    """`x` in consecutive pieces of some 16 MB; each but the last has a multiple of `multiple` images."""
    at_once = max(1, _PIECE // max(1, int(np.prod(x.shape[1:])) * multiple)) * multiple
    for start in range(0, len(x), at_once):
        yield x[start : start + at_once]
