"""Files that declare more than they hold: refused before memory is taken for it."""

import os
import struct
import threading
import zipfile

import h5py
import numpy as np
import pytest

from residual._text import format_bytes
from residual.data import cifar10, ordered_work
from residual.data.decoding import _weigh
from residual.data.limits import FREE, check_unpacked
from residual.data.load import load_data
from residual.data.readers import cifar_archive
from residual.errors import DataError, RecipeError, RunError
from residual.evaluation.predict import find_images
from residual.runs.folder import RunFolder
from residual.training.find_recipe import load_recipe
from tests.support.image_files import photos, write_cifar

PHOTOS = (100_000, 1000, 1000, 3)  # 300 GB


def said(data) -> str:
    with pytest.raises(DataError) as caught:
        load_data(data)
    return str(caught.value)


def test_the_limit():
    check_unpacked(FREE, 0, "x")
    check_unpacked(1000 * FREE, 10 * FREE, "x")
    for size, stored in ((FREE + 1, 0), (1000 * FREE + 1, 10 * FREE)):
        with pytest.raises(DataError, match="^x declares "):
            check_unpacked(size, stored, "x")
    assert [format_bytes(size) for size in (999, 1000, 15 * 10**5, 3 * 10**12)] == [
        "999 bytes",
        "1.0 kB",
        "1.5 MB",
        "3,000.0 GB",
    ]


@pytest.mark.parametrize("options", [{}, {"chunks": (1, 100, 100, 3), "compression": "gzip"}])
def test_hdf5(tmp_path, options):
    path = tmp_path / "all.h5"
    with h5py.File(path, "w") as file:
        for part in ("train", "test"):
            file.create_dataset(f"{part}_set_x", PHOTOS, np.uint8, **options)
            file[f"{part}_set_y"] = np.arange(2)
    for data, name in ((path, "train_set_x"), (f"{path}::images=test_set_x,labels=test_set_y", "test_set_x")):
        assert said(data) == (
            f"{path} ({name}) declares 300.0 GB and stores 0 bytes; from 268.4 MB on, 100 times what is stored is "
            "the most. It is damaged or made to fill the memory: copy or download it again."
        )


def test_hdf5_chunks_that_are_larger_than_the_array(tmp_path):
    path = tmp_path / "all.h5"
    with h5py.File(path, "w") as file:
        shape = {"shape": (4, 8, 8, 3), "maxshape": (None, None, None, 3), "chunks": (1000, 1000, 1000, 3)}
        file.create_dataset("x", dtype=np.uint8, compression="gzip", **shape)
        file["y"] = np.arange(4) % 2
    assert said(path).startswith(f"{path} (x) declares 3.0 GB and stores 0 bytes;")


def test_hdf5_class_names_that_are_no_array(tmp_path):
    path = tmp_path / "all.h5"
    with h5py.File(path, "w") as file:
        for part in ("train", "test"):
            file[f"{part}_set_x"], file[f"{part}_set_y"] = np.zeros((2, 4, 4, 3), np.uint8), [0, 1]
        file.create_group("list_classes")
    assert said(path) == f"{path} (list_classes) is no array; write it as one."


def test_npz(tmp_path):
    path = tmp_path / "all.npz"
    np.savez_compressed(path, x=np.zeros((4, 4, 4, 3), np.uint8), y=np.arange(4) % 2)
    content = bytearray(path.read_bytes())
    size = content.index(b"PK\1\2") + 24  # of the first array, in the directory
    content[size : size + 4] = struct.pack("<I", 4_000_000_000)
    path.write_bytes(content)
    assert said(path).startswith(f"{path} declares 4.0 GB and stores ")


def test_one_member_of_a_zip(tmp_path):
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**photos("a", "b"), "a/bomb.png": bytes(20_000_000)}.items():
            archive.writestr(name, content)
    stored = format_bytes(archive.getinfo("a/bomb.png").compress_size)
    assert f"{path}: a/bomb.png declares 20.0 MB and stores {stored}; from 16.8 MB on" in said(path)
    assert len(load_data(path, 8, max_unreadable=0.2).unreadable) == 1


def test_all_members_of_a_tar(tmp_path, monkeypatch):
    path = write_cifar(tmp_path / cifar10.ARCHIVE)
    assert len(load_data(path).test) == 4
    monkeypatch.setattr(cifar_archive, "_MOST_IN_ALL", 20_000)
    assert said(path).startswith(f"{path} is no CIFAR archive: it holds 'cifar-10-batches-py/data_batch_2'")


def test_rows_of_parquet(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="reading Parquet needs the optional pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "all.parquet"
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    pq.write_table(pa.table({"image": pa.nulls(100_000, kind), "label": np.zeros(100_000, int)}), path)
    size = path.stat().st_size
    assert said(path) == (
        f"{path} declares 100,000 rows of images and has {size:,} bytes: it is damaged. Download it again."
    )


def test_few_large_files_are_under_way_at_a_time(monkeypatch):
    monkeypatch.setattr(ordered_work, "_HELD", 100)
    files = [(bytes(60), "a"), (bytes(60), "b"), (bytes(200), "c"), ("path", "d"), ("path", "e")]
    assert [[name for _, name in handful] for handful in ordered_work._gather(files, _weigh)] == [
        ["a", "b"],
        ["c"],
        ["d", "e"],
    ]
    assert [len(handful) for handful in ordered_work._gather([("path", "")] * 40, _weigh)] == [16, 16, 8]


@pytest.mark.parametrize(("quick", "pooled"), [(0, 168), (float("inf"), 0)])
def test_threads_decode_what_is_slow_and_all_comes_in_order(monkeypatch, quick, pooled):
    monkeypatch.setattr(ordered_work, "_QUICK", quick)
    here = threading.get_ident()
    results = list(
        ordered_work.map_in_order(lambda n: (n, threading.get_ident() != here), range(200), 2, lambda n: 0)
    )
    assert [number for number, _ in results] == list(range(200))
    assert sum(elsewhere for _, elsewhere in results) == pooled


@pytest.mark.parametrize("quick", [0, float("inf")])
@pytest.mark.parametrize("broken", [3, 20, 150])
def test_an_error_comes_after_the_images_before_it(monkeypatch, quick, broken):
    monkeypatch.setattr(ordered_work, "_QUICK", quick)
    told = ordered_work.map_in_order(lambda n: (n, 1 / (n - broken)), range(200), 2, lambda n: 0)
    assert [next(told)[0] for _ in range(broken)] == list(range(broken))
    with pytest.raises(ZeroDivisionError):
        next(told)


@pytest.fixture
def pipe(tmp_path):
    """A file that a reader would wait for."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no pipes with names")
    os.mkfifo(tmp_path / "pipe.png")
    return tmp_path / "pipe.png"


def test_a_table_that_names_a_pipe(tmp_path, pipe):
    (tmp_path / "all.csv").write_text(f"path,label\n{pipe},a\n{pipe},a\n{pipe},b\n")
    assert "all.csv names '" in said(tmp_path / "all.csv")
    assert "pipe.png', which is not a file but a pipe or device. Name image files." in said(
        tmp_path / "all.csv"
    )


def test_a_table_that_names_a_file_of_300_mb(tmp_path):
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(400 * 10**6)  # takes no room
    (tmp_path / "all.csv").write_text("path,label\na.png,a\na.png,a\na.png,b\n")
    assert "names 'a.png' of 400.0 MB, more than an image file may have: 314.6 MB." in said(
        tmp_path / "all.csv"
    )


def test_predicting_a_pipe(pipe):
    with pytest.raises(
        DataError, match=r"pipe\.png is not a file but a pipe or device\. Name image files or"
    ):
        find_images(pipe)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("a = " + "[" * 20_000, "maximum recursion depth exceeded"), ("a = " + "9" * 5000, "Exceeds the limit")],
)
def test_toml_that_no_parser_takes(tmp_path, text, reason):
    (tmp_path / "run.toml").write_text(text)
    with pytest.raises(RecipeError, match=f"run.toml is not a TOML file that can be read: {reason}"):
        load_recipe(str(tmp_path / "run.toml"))
    with pytest.raises(RunError, match=f"is not a readable run folder: {reason}"):
        RunFolder(tmp_path).record


@pytest.mark.parametrize(
    ("text", "says"),
    [("[" * 200_000, "cannot be read: maximum rec"), ("[1]", "must hold an object; got list.")],
)
def test_reports_that_are_none(tmp_path, text, says):
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(RunError, match=f"report.json {says}"):
        RunFolder(tmp_path).report.keys()
