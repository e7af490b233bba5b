"""Archives whose directory is damaged are refused with one message by whatever reads them."""

import struct
import zipfile

import pytest

from residual._zip_file import is_zip
from residual.data.npz_file import read_npz
from residual.errors import DataError, RunError
from residual.importers.tensor_files.opening import open_tensors
from residual.models.keras_file import load_model

END = 22  # bytes of the last record of an archive without a comment


def write_damaged(path):
    """An archive whose 64-bit record says that it begins on another disk."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"nothing")
    content = path.read_bytes()
    path.write_bytes(content[:-END] + struct.pack("<4sLQL", b"PK\x06\x07", 1, 0, 1) + content[-END:])
    return path


def test_what_is_an_archive(tmp_path):
    (tmp_path / "text").write_text("no archive")
    assert not is_zip(tmp_path / "text")
    with zipfile.ZipFile(tmp_path / "archive", "w"):
        pass
    assert is_zip(tmp_path / "archive")
    is_zip(write_damaged(tmp_path / "damaged"))  # some versions of Python raise BadZipFile here


@pytest.mark.parametrize(
    ("name", "read", "error"),
    [
        ("a.pth", open_tensors, RunError),
        ("a.bin", open_tensors, RunError),
        ("a.npz", read_npz, DataError),
        ("a.keras", load_model, RunError),
    ],
)
def test_a_damaged_archive_is_refused(tmp_path, name, read, error):
    with pytest.raises(error, match=name):
        read(write_damaged(tmp_path / name))
