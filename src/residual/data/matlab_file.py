"""Numeric arrays of MATLAB's files (version 5, as version 7 writes them too), read without trust in what they declare.

Not by `scipy.io.loadmat`: a few changed bytes end the process in its compiled reader (SciPy 1.17.1).
"""

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from residual.data.limits import FREE, MOST_TIMES
from residual.errors import DataError

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
# How values are stored, by the number of their type.
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
# What they are in MATLAB, by the number of their class.
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_MOST_ARRAYS, _MOST_AXES = 1000, 8


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array of plain real numbers by its name; texts, structures and sparse arrays are left out.

    Raises:
        DataError: if it is no such file, is damaged, or unpacks to far more than it stores.
    """
    try:
        content = path.read_bytes()
        if content[:4] == b"\x89HDF":
            raise DataError(f"{path} is a MATLAB 7.3 file: call it .h5 to read it as HDF5.")
        order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
        if order is None:
            raise DataError(f"{path} is no MATLAB file of version 5 or 7. Save it with -v7.")
        return dict(_read_all(content, order, str(path)))
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"{path} may not be read: {error.strerror}.") from None
    except (ValueError, struct.error, zlib.error, OverflowError) as error:
        raise DataError(f"{path} is a damaged MATLAB file ({error}). Download it again.") from None


def _read_all(content: bytes, order: str, where: str) -> Iterator[tuple[str, np.ndarray]]:
    for count, (kind, data) in enumerate(_split(memoryview(content)[_HEADER:], order)):
        if count > _MOST_ARRAYS:
            raise DataError(
                f"{where} has more than {_MOST_ARRAYS:,} arrays. Save the images and labels alone."
            )
        if kind == _COMPRESSED:
            kind, data = next(_split(memoryview(_unpack(data, where)), order), (0, data))
        found = _read_matrix(data, order) if kind == _MATRIX else None
        if found is not None:
            yield found


def _unpack(data: memoryview, where: str) -> bytes:
    most = max(FREE, MOST_TIMES * len(data))
    content = zlib.decompressobj().decompress(data, most + 1)
    if len(content) > most:
        raise DataError(
            f"{where} unpacks to more than {MOST_TIMES} times what it stores. It is damaged or made to fill "
            "the memory: copy "
            "or download it again."
        )
    return content


def _split(content: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """(number of the type, bytes) of each element, one after another."""
    place = 0
    while place + 8 <= len(content):
        kind, size = struct.unpack_from(f"{order}II", content, place)
        if kind >> 16:  # at most four bytes, in the tag itself
            kind, size, start, end = kind & 0xFFFF, kind >> 16, place + 4, place + 8
            if size > 4:
                raise ValueError("a tag of more than four bytes")
        else:
            start = place + 8
            end = start + size + (0 if kind == _COMPRESSED else -size % 8)
        if start + size > len(content):
            raise ValueError("an array is cut short")
        yield kind, content[start : start + size]
        place = end


def _read_matrix(data: memoryview, order: str) -> tuple[str, np.ndarray] | None:
    """The name and values of one array; None if it is not of real numbers."""
    parts = [part for _, part in zip(range(4), _split(data, order), strict=False)]
    if len(parts) < 4 or len(parts[0][1]) < 4:
        return None
    flags = struct.unpack_from(f"{order}I", parts[0][1])[0]
    shape = np.frombuffer(parts[1][1], f"{order}i4").tolist()
    kind, values = parts[3]
    if flags & 0xFF not in _CLASSES or flags & 0x0800 or kind not in _STORED:  # 0x0800: complex
        return None
    stored = np.frombuffer(values, order + _STORED[kind])
    if not 1 <= len(shape) <= _MOST_AXES or min(shape) < 0 or math.prod(shape) != len(stored):
        raise ValueError(f"an array of shape {tuple(shape)} has {len(stored)} values")
    name = bytes(parts[2][1]).decode("ascii", "replace")
    return name, stored.astype(_CLASSES[flags & 0xFF], copy=False).reshape(shape, order="F")
