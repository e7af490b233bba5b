"""Heaps of an HDF5 file, where text of varying length lies: a damaged one makes the HDF5 library loop for ever.

A heap is a row of objects, each with a header of 16 bytes that gives its number and its length. Number 0 is the free
room, whose length counts its own header. Where that is 0 the library (1.14.6) does not move on, and nothing, not
even Ctrl-C, ends it.
"""

import mmap
from pathlib import Path

from residual.errors import DataError

_SIGNATURE = b"GCOL\x01"  # and three bytes that the library does not look at
_HEADER = 16  # bytes, of a heap and of an object


def check_heaps(path: Path, width: int) -> None:
    """Look at every heap of a file, without the library.

    Args:
        path: an HDF5 file.
        width: bytes of a length in it: 8, in old files 4.

    Raises:
        DataError: when a heap has free room that is shorter than its own header.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        start = content.find(_SIGNATURE)
        while start >= 0:
            if not _ends(content, start, width):
                raise DataError(
                    f"{path} cannot be read: its heap of texts is damaged. Copy or download it again."
                )
            start = content.find(_SIGNATURE, start + 1)


def _ends(content: mmap.mmap, start: int, width: int) -> bool:
    """Whether a walk along the objects of the heap at `start` comes to its end."""

    def length(header: int) -> int:
        return int.from_bytes(content[header + 8 : header + 8 + width], "little")

    place, end = start + _HEADER, min(start + length(start), len(content))
    while place + _HEADER <= end:
        is_free = content[place : place + 2] == b"\0\0"
        if is_free and length(place) < _HEADER:
            return False
        place += length(place) if is_free else _HEADER + -(-length(place) // 8) * 8
    return True
