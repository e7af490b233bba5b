"""TFRecord files: known by their content, so that the message says what to do. They are not read.

No maintained library reads them without TensorFlow as the other readers read: see docs/data.md.
"""

import gzip
import os
import struct
import zlib
from itertools import islice
from pathlib import Path

from residual.data.location import Location
from residual.data.source import Source
from residual.errors import DataError

_SHARDS = "*.tfrec*"
_LOOKED_AT = 20  # files of a folder
_CRC_32C = 0x82F63B78  # the polynomial of Castagnoli, bits reversed
_CONVERT = (
    'python -c "import pathlib, tensorflow as tf; '
    "[((d := pathlib.Path('photos', str(f['LABEL'].int64_list.value[0]))).mkdir(parents=True, exist_ok=True), "
    "(d / f'{i}.jpg').write_bytes(f['IMAGE'].bytes_list.value[0])) "
    "for i, r in enumerate(tf.data.TFRecordDataset('FILE')) "
    'for f in [tf.train.Example.FromString(r.numpy()).features.feature]]"'
)


class TfRecordReader:
    """Refuses TFRecord files with a line that writes their images into class folders."""

    name = "tfrecord"
    label = "TFRecord files"
    suffixes: tuple[str, ...] = ()
    options: frozenset[str] = frozenset()

    def matches(self, location: Location) -> bool:
        """By the first record of the file, or of one in a folder."""
        if location.is_folder():
            return any(is_tfrecord(file) for file in islice(location.file.glob(_SHARDS), _LOOKED_AT))
        return location.path is not None and os.path.isfile(location.path) and is_tfrecord(location.path)

    def open(self, location: Location) -> Source:
        """Refuse.

        Raises:
            DataError: always.
        """
        raise DataError(
            f"{location.file} holds TFRecord, which is not read. Write its images into one folder per class first, "
            f"with the names of its own features for IMAGE and LABEL: {_CONVERT}"
        )


def is_tfrecord(path: Path) -> bool:
    """Whether a file, packed by gzip or not, begins with the length of a record and the checksum of it."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
        if head[:2] == b"\x1f\x8b":
            with gzip.open(path) as file:
                head = file.read(12)
    except (OSError, EOFError, zlib.error):
        return False
    return len(head) == 12 and any(head[:8]) and struct.unpack("<I", head[8:])[0] == mask_crc(head[:8])


def mask_crc(data: bytes) -> int:
    """The checksum that TFRecord keeps of a few bytes: CRC-32C, turned by 15 bits, and a constant.

    Source: tensorflow/core/lib/io/record_writer.h.
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_CRC_32C if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
