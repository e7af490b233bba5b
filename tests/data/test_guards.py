"""What a file may declare, name or link to, before any of it is believed: one guard for all readers."""

import os

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from residual.data import hdf5_file
from residual.data.load import load_data, open_source
from residual.data.parquet_footer import find_largest_dictionary
from residual.data.readers import parquet
from residual.errors import DataError
from tests.support.image_files import photos, png


def said(path) -> str:
    with pytest.raises(DataError) as caught:
        load_data(path)
    return str(caught.value)


@pytest.mark.parametrize(
    "name", ["all.csv", "all.h5", "all.npz", "all.zip", "all.tar", "all.parquet", "all.jsonl", "all.mat"]
)
def test_a_pipe_is_not_waited_for(tmp_path, name):
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no pipes with names")
    os.mkfifo(tmp_path / name)
    assert said(tmp_path / name) == (
        f"{tmp_path / name} is not a file but a pipe or device, which may never end. Name a file or folder."
    )


def write_arrays(path, n=12):
    with h5py.File(path, "w") as file:
        file["x"] = np.random.default_rng(0).integers(0, 256, (n, 4, 4, 3), np.uint8)
        file["y"] = np.arange(n) % 2


def test_hdf5_is_not_followed_into_other_files(tmp_path):
    write_arrays(tmp_path / "other.h5")
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["x"], file["y"] = h5py.ExternalLink("other.h5", "x"), h5py.ExternalLink("other.h5", "y")
    assert "holds nothing" in said(tmp_path / "link.h5")
    assert "has no array x" in said(f"{tmp_path / 'link.h5'}::images=x,labels=y")
    with h5py.File(tmp_path / "train_signs.h5", "w") as file:
        file["train_set_x"] = h5py.ExternalLink("other.h5", "x")
        file["train_set_y"] = np.arange(12) % 2
        file["test_set_x"], file["test_set_y"] = np.zeros((12, 4, 4, 3), np.uint8), np.arange(12) % 2
    assert "is a link into another file: refused" in said(tmp_path / "train_signs.h5")
    layout = h5py.VirtualLayout((12, 4, 4, 3), np.uint8)
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (12, 4, 4, 3))
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        file.create_virtual_dataset("x", layout)
        file["y"] = np.arange(12) % 2
    assert "has its values in other files: refused" in said(tmp_path / "virtual.h5")
    (tmp_path / "raw.bin").write_bytes(bytes(12 * 48))
    with h5py.File(tmp_path / "outside.h5", "w") as file:
        file.create_dataset("x", (12, 4, 4, 3), np.uint8, external=[(str(tmp_path / "raw.bin"), 0, 12 * 48)])
        file["y"] = np.arange(12) % 2
    assert "has its values in other files: refused" in said(tmp_path / "outside.h5")


def test_hdf5_with_groups_inside_groups_ends(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "deep.h5", "w") as file:
        group = file
        for _ in range(hdf5_file._DEEPEST + 3):
            group = group.create_group("g")
    assert f"groups {hdf5_file._DEEPEST} deep" in said(tmp_path / "deep.h5")
    monkeypatch.setattr(hdf5_file, "_MOST_ITEMS", 20)
    with h5py.File(tmp_path / "wide.h5", "w") as file:
        for i in range(30):
            file.create_group(f"g{i}")
    assert "has more than 20 groups and arrays" in said(tmp_path / "wide.h5")


def test_a_group_that_holds_itself_ends(tmp_path):
    write_arrays(tmp_path / "round.h5")
    with h5py.File(tmp_path / "round.h5", "a") as file:
        file["again"] = file["/"]
    assert "deep" in said(tmp_path / "round.h5")


def test_rows_that_share_a_large_value_are_read_few_at_a_time(tmp_path, monkeypatch):
    large = png(1, (64, 64)) + bytes(100_000)
    cells = [{"bytes": large, "path": "a.png"}] * 100 + [{"bytes": png(2, (64, 64)), "path": "b.png"}] * 100
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"image": pa.array(cells, kind), "label": [0] * 100 + [1] * 100})
    pq.write_table(table, tmp_path / "all.parquet", compression="none", use_dictionary=True)
    monkeypatch.setattr(parquet, "FREE", 400_000)
    seen = []
    monkeypatch.setattr(
        pq.ParquetFile,
        "iter_batches",
        lambda self, rows, _real=pq.ParquetFile.iter_batches, **options: (
            seen.append(rows) or _real(self, rows, **options)
        ),
    )
    source = open_source(tmp_path / "all.parquet")
    assert [len(source.open(i)) for i in range(200)] == [len(cells[i]["bytes"]) for i in range(200)]
    assert set(seen) == {3}


def test_usual_rows_come_many_at_a_time(tmp_path):
    cells = [{"bytes": png(i), "path": f"{i}.png"} for i in range(100)]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    pq.write_table(pa.table({"image": pa.array(cells, kind), "label": [0, 1] * 50}), tmp_path / "all.parquet")
    path = tmp_path / "all.parquet"
    assert 0 < find_largest_dictionary(path, "image.bytes") < 2**20
    assert find_largest_dictionary(path, "image.path") < find_largest_dictionary(path, "image.bytes")
    assert parquet._count_rows_at_once(path, "image.bytes") == 64


@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_footer_gives_a_size(tmp_path, damage):
    path = tmp_path / "all.parquet"
    if not (tmp_path / "whole").exists():
        pq.write_table(pa.table({"image": [b"a" * 50] * 4, "label": [0, 1] * 2}), tmp_path / "whole")
    content = bytearray((tmp_path / "whole").read_bytes())
    for place, value in damage:
        content[int(place * len(content))] = value
    path.write_bytes(content)
    assert find_largest_dictionary(path, "image") >= 0


def test_a_link_to_a_pipe_in_a_class_folder_is_no_image(tmp_path):
    for name, content in photos("cats", "dogs").items():
        (tmp_path / "p" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "p" / name).write_bytes(content)
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no pipes with names")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "p" / "cats" / "9.png").symlink_to(tmp_path / "pipe")
    assert len(open_source(tmp_path / "p")) == 8
