"""The few facts of a Parquet file's footer that pyarrow cannot be asked for: it ends the process on some damaged ones.

Footers and headers of pages are in Thrift's compact form: https://parquet.apache.org/docs/file-format/metadata/
"""

import struct
from pathlib import Path

from residual.data.limits import FREE

_MOST_FOOTER = 256 * 2**20
_DEEPEST = 16
_ROW_GROUPS, _COLUMNS, _META, _PATH, _DICTIONARY_AT = 4, 1, 3, 3, 11  # numbers of fields
_PAGE_SIZE = 2  # of a page's header: bytes unpacked


def find_largest_dictionary(path: Path, column: str) -> int:
    """Bytes that the largest dictionary of a column unpacks to; `FREE` if the footer cannot be understood.

    Args:
        path: the file.
        column: "image.bytes".
    """
    try:
        with path.open("rb") as file:
            end = file.seek(-8, 2)
            length = struct.unpack("<I", file.read(4))[0]
            if length > min(end, _MOST_FOOTER):
                return FREE
            file.seek(end - length)
            footer, largest = _Reader(file.read(length)).read_struct(), 0
            for group in footer[_ROW_GROUPS]:
                for chunk in group[_COLUMNS]:
                    facts = chunk[_META]
                    if b".".join(facts[_PATH]) == column.encode() and _DICTIONARY_AT in facts:
                        file.seek(facts[_DICTIONARY_AT])
                        largest = max(
                            largest, _Reader(file.read(64)).read_struct(first=_PAGE_SIZE)[_PAGE_SIZE]
                        )
            return largest
    except (OSError, ValueError, KeyError, IndexError, TypeError, struct.error):
        return FREE


class _Reader:
    """Reads values in Thrift's compact form."""

    def __init__(self, content: bytes):
        self.content, self.place = content, 0

    def read_struct(self, depth: int = 0, first: int | None = None) -> dict:
        """Values by the numbers of their fields; with `first`, up to that field."""
        fields, number = {}, 0
        if depth > _DEEPEST:
            raise ValueError("too deep")
        while header := self._byte():
            number = number + (header >> 4) if header >> 4 else self._zigzag()
            kind = header & 15
            fields[number] = kind == 1 if kind in (1, 2) else self._value(kind, depth)
            if number == first:
                break
        return fields

    def _value(self, kind: int, depth: int):
        if kind in (1, 2, 3):
            return self._byte()
        if kind in (4, 5, 6):
            return self._zigzag()
        if kind == 7:
            return self._take(8)
        if kind == 8:
            return self._take(self._varint())
        if kind in (9, 10):
            header = self._byte()
            count = header >> 4 if header >> 4 < 15 else self._varint()
            if count > len(self.content):
                raise ValueError("too long")
            return [self._value(header & 15, depth + 1) for _ in range(count)]
        if kind == 12:
            return self.read_struct(depth + 1)
        raise ValueError("an unknown type")

    def _byte(self) -> int:
        self.place += 1
        return self.content[self.place - 1]

    def _take(self, count: int) -> bytes:
        if self.place + count > len(self.content):
            raise ValueError("too short")
        self.place += count
        return self.content[self.place - count : self.place]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 63:
                raise ValueError("too large")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
