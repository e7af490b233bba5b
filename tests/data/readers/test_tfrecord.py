"""TFRecord is known by its content and refused with a line that converts it."""

import gzip
import struct

import pytest

from residual.data.load import open_source
from residual.data.readers.tfrecord import is_tfrecord, mask_crc
from residual.errors import DataError

# The first 12 bytes that TensorFlow 2.21 writes for a record of 5 bytes.
HEAD = bytes.fromhex("0500000000000000eab2043e")


def test_the_checksum_is_the_one_of_tensorflow():
    assert struct.pack("<I", mask_crc(HEAD[:8])) == HEAD[8:]


@pytest.mark.parametrize(
    "name", ["train.tfrecord", "train.tfrecord-00000-of-00001", "data.bin", "x.tfrec.gz"]
)
def test_a_file_is_refused_with_a_way_out(tmp_path, name):
    content = HEAD + b"hello" + b"\0\0\0\0"
    path = tmp_path / "set" / name
    path.parent.mkdir()
    path.write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    for given in (path, path.parent) if "tfrec" in name else (path,):
        with pytest.raises(DataError) as caught:
            open_source(given)
        assert str(caught.value).startswith(f"{given} holds TFRecord, which is not read.")
        assert "tf.data.TFRecordDataset" in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", HEAD[:11], bytes(12), b"\x1f\x8b\x08" + bytes(20), b"PK" + bytes(40)]
)
def test_other_files_are_none(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    assert not is_tfrecord(tmp_path / "a")
