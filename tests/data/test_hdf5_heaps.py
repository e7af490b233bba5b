"""Damaged heaps of HDF5 files, at which the HDF5 library loops for ever."""

import contextlib
import struct

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from residual.data.hdf5_heaps import check_heaps
from residual.data.load import load_data
from residual.errors import DataError, RunError
from residual.importers.keras_h5.file import open_model_file

PHOTOS = np.random.default_rng(0).integers(0, 256, (12, 4, 4, 3), np.uint8)


def write(path, names=("cat", "dog"), pairs=1):
    with h5py.File(path, "w") as file:
        file["x"], file["y"] = PHOTOS, np.arange(12) % 2
        for i in range(pairs):
            file[f"classes{i or ''}"] = np.array(names, dtype=h5py.string_dtype())
    return path


def free_room(content: bytes) -> int:
    """Where the header of the free room in the first heap is."""
    place = content.index(b"GCOL") + 16
    while struct.unpack_from("<H", content, place)[0]:
        place += 16 + -(-struct.unpack_from("<Q", content, place + 8)[0] // 8) * 8
    return place


@pytest.mark.parametrize(("length", "reserved"), [(0, 0), (15, 0), (0, 2)])
def test_free_room_without_length(tmp_path, length, reserved):
    """The fuzzer's finding; without the check this test does not end."""
    path = write(tmp_path / "all.h5")
    content = bytearray(path.read_bytes())
    struct.pack_into("<Q", content, free_room(content) + 8, length)
    content[content.index(b"GCOL") + 5] = reserved
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_data(path)
    assert str(caught.value) == (
        f"{path} cannot be read: its heap of texts is damaged. Copy or download it again."
    )


@pytest.mark.parametrize(
    ("names", "pairs"), [(("cat", "dog"), 1), (("a" * 5000, "b" * 9), 3), (("", "é"), 40)]
)
def test_whole_heaps_of_every_size(tmp_path, names, pairs):
    check_heaps(write(tmp_path / "all.h5", names, pairs), 8)
    assert load_data(tmp_path / "all.h5").classes == names


def test_lengths_of_four_bytes(tmp_path):
    made = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    made.set_sizes(4, 4)
    name = str(tmp_path / "all.h5").encode()
    with h5py.File(h5py.h5f.create(name, h5py.h5f.ACC_TRUNC, fcpl=made)) as file:
        file["x"], file["y"] = PHOTOS, np.arange(12) % 2
        file["classes"] = np.array(["cat", "dog"], dtype=h5py.string_dtype())
    assert load_data(tmp_path / "all.h5").classes == ("cat", "dog")
    content = bytearray((tmp_path / "all.h5").read_bytes())
    place = content.index(b"GCOL") + 16 + 2 * 24  # two objects of three bytes
    assert content[place : place + 2] == b"\0\0"
    content[place + 8 : place + 12] = bytes(4)
    (tmp_path / "all.h5").write_bytes(content)
    with pytest.raises(DataError, match="its heap of texts is damaged"):
        load_data(tmp_path / "all.h5")


@given(st.lists(st.tuples(st.integers(0, 80), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_damage_to_a_heap_ends(tmp_path, damage):
    path = write(tmp_path / "all.h5")
    content = bytearray(path.read_bytes())
    start = content.index(b"GCOL") + 4
    for place, value in damage:
        content[start + place] = value
    path.write_bytes(content)
    with contextlib.suppress(DataError):
        assert len(load_data(path).classes) == 2


def test_an_old_model(tmp_path):
    path = tmp_path / "old.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"], file.attrs["keras_version"] = [b"a"], "2.1.0"
    content = bytearray(path.read_bytes())
    struct.pack_into("<Q", content, free_room(content) + 8, 0)
    path.write_bytes(content)
    with (
        pytest.raises(RunError, match="old.h5 cannot be read: its heap of texts is damaged"),
        open_model_file(path),
    ):
        pass
