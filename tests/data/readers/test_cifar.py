"""CIFAR-10's official batches: read as published, and nothing in them is ever run."""

import contextlib
import os
import pickle
import re
import struct
import sys
import tarfile
from io import BytesIO

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from residual.data import cifar10, pickled
from residual.data.load import load_data
from residual.errors import DataError
from tests.support.image_files import write_cifar

NAMES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]


class PythonTwo(pickle._Pickler):
    """Writes what Python 2 wrote for the published files: protocol 2, byte strings as `str`."""

    dispatch = dict(pickle._Pickler.dispatch)

    def __init__(self, file):
        super().__init__(file, protocol=2)

    def save_str(self, value: bytes):
        if len(value) < 256:
            self.write(pickle.SHORT_BINSTRING + bytes([len(value)]) + value)
        else:
            self.write(pickle.BINSTRING + struct.pack("<i", len(value)) + value)
        self.memoize(value)

    dispatch[bytes] = save_str


def python_two(value) -> bytes:
    file = BytesIO()
    PythonTwo(file).dump(value)
    old = file.getvalue().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
    assert b"_codecs" not in old
    return old


def batch(n: int, start: int = 0) -> dict:
    """Image i: red i, green i + 1, blue i + 2; the first pixel of the second row is all 99."""
    data = np.empty((n, 3, 32, 32), np.uint8)
    for i in range(n):
        data[i] = np.array([start + i, start + i + 1, start + i + 2], np.uint8)[:, None, None]
    data[:, :, 1, 0] = 99
    names = [b"picture_%d.png" % i for i in range(n)]
    labels = [(start + i) % 10 for i in range(n)]
    return {b"batch_label": b"one", b"labels": labels, b"data": data.reshape(n, 3072), b"filenames": names}


@pytest.fixture
def batches(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for i, name in enumerate(NAMES):
        (folder / name).write_bytes(python_two(batch(4, 10 * i)))
    (folder / "batches.meta").write_bytes(python_two({b"label_names": [b"airplane"]}))
    return folder


def said(folder) -> str:
    with pytest.raises(DataError) as caught:
        load_data(folder)
    return str(caught.value)


def test_official_layout(batches):
    data = load_data(batches)
    assert (data.name, data.classes[:2], data.size) == ("cifar10", ("airplane", "automobile"), (32, 32))
    assert (len(data.train), len(data.test)) == (20, 4)
    assert data.train.y.tolist() == [*range(4)] * 5
    assert data.train.x[5, 0, 0].tolist() == [11, 12, 13]  # the second image of the second batch
    assert data.train.x[5, 1, :2].tolist() == [[99] * 3, [11, 12, 13]]  # rows before columns
    assert data.test.x[0, 0, 0].tolist() == [50, 51, 52]
    assert data.train.x.flags.c_contiguous
    assert data.source == f"CIFAR-10 from {batches}"


@pytest.mark.parametrize("protocol", range(6))
def test_batches_written_by_python_three(batches, protocol):
    (batches / "test_batch").write_bytes(pickle.dumps(batch(4, 50), protocol=protocol))
    assert load_data(batches).test.x[0, 0, 0].tolist() == [50, 51, 52]


@pytest.mark.parametrize("below", ["", "cifar10", "data"])
def test_found_below_the_root(batches, tmp_path, below, monkeypatch):
    root = tmp_path / "root"
    place = root / below / batches.name
    place.parent.mkdir(parents=True)
    batches.rename(place)
    if below == "data":  # the folder that holds the batches, or RESIDUAL_DATA
        monkeypatch.setenv("RESIDUAL_DATA", str(root / below))
        root = None
    assert len(load_data("cifar10", search_dir=root).train) == 20
    assert len(load_data("cifar10", search_dir=place).train) == 20


class Runs:
    """Unpickled carelessly, it runs a command."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


class Evaluates:
    def __reduce__(self):
        return eval, ("__import__('pathlib').Path('marker').touch()",)


@pytest.mark.parametrize("where", ["instead", "inside"])
@pytest.mark.parametrize("protocol", range(6))
def test_hostile_pickles_are_refused_and_run_nothing(batches, tmp_path, where, protocol):
    for hostile, name in ((Runs(f"touch {tmp_path / 'marker'}"), f"{os.name}.system"), (Evaluates(), "eval")):
        content = hostile if where == "instead" else {**batch(4), b"extra": hostile}
        (batches / "data_batch_3").write_bytes(pickle.dumps(content, protocol=protocol))
        text = said(batches)
        assert text.startswith(f"{batches / 'data_batch_3'} asks to load ")
        assert name in text
        assert text.endswith(
            ", which no CIFAR-10 batch needs: refused, nothing was run. "
            "Download the archive from its official page."
        )
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize(
    "name", ["numpy.load", "numpy.core.multiarray.fromfile", "builtins.getattr", "os.remove"]
)
def test_only_what_arrays_need_may_be_loaded(name):
    module, attribute = name.rsplit(".", 1)
    with pytest.raises(DataError, match=re.escape(f"asks to load {name}")):
        pickled.ArraysOnly(BytesIO(f"c{module}\n{attribute}\n.".encode())).load()


def test_truncated_at_any_byte(batches):
    file = batches / "data_batch_2"
    whole = file.read_bytes()
    for length in (0, 1, 2, 50, 300, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        assert re.fullmatch(
            re.escape(f"{file} is not a readable CIFAR-10 batch (") + r".+\)\. Unpack the archive again\.",
            said(batches),
        )


@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_anywhere_gives_a_batch_or_a_data_error(tmp_path, damage):
    content = bytearray(python_two(batch(1)))
    for place, value in damage:
        content[int(place * min(len(content), 400))] = value  # the opcodes; the rest is pixels
    file = tmp_path / "test_batch"
    file.write_bytes(content)
    with contextlib.suppress(DataError):
        cifar10.read_batch_file(file)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({b"data": np.zeros((1, 3072), np.uint8)}, " is not a CIFAR-10 batch: it lacks b'labels'. "),
        ({"x": 1}, " is not a CIFAR-10 batch: it lacks b'data'. "),
        ([1, 2], " is not a readable CIFAR-10 batch (list indices must be integers"),
        (
            {**batch(2), b"data": np.zeros((2, 99), np.uint8)},
            " is not a readable CIFAR-10 batch (cannot reshape",
        ),
        ({**batch(2), b"labels": [1]}, ": 2 images need as many whole-number labels; got int64 (1,)."),
        ({**batch(2), b"labels": [1, 10]}, ": labels must be 0 to 9, got 1 to 10."),
        (
            {**batch(2), b"labels": [0.5, 1]},
            ": labels must be whole numbers or text, got float64 such as 0.5.",
        ),
        (
            {**batch(2), b"data": np.zeros((2, 3072))},
            " is not a CIFAR-10 batch: images are float64, labels int64.",
        ),
    ],
)
def test_what_does_not_fit_names_the_batch(batches, content, says):
    file = batches / "data_batch_4"
    file.write_bytes(pickle.dumps(content))
    assert said(batches).startswith(f"{file}{says}")


def test_missing_batch(batches):
    (batches / "data_batch_5").unlink()
    assert said(batches) == (
        f"There is no file {batches / 'data_batch_5'}. A cifar-10-batches-py has all six batches."
    )


@pytest.mark.parametrize("error", [OSError("Name or service not known\nmore"), RuntimeError()])
def test_offline_says_both_ways(monkeypatch, error):
    def fail():
        raise error

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", fail)
    with pytest.raises(DataError) as caught:
        load_data("cifar10")
    reason = str(error).split("\n")[0] or "RuntimeError"
    assert str(caught.value) == (
        f"cifar10 was not found and could not be downloaded ({reason}). Either connect to the internet and "
        "try again, or put the folder cifar-10-batches-py, or a folder cifar10 with train.parquet and "
        "test.parquet, where RESIDUAL_DATA or search_dir points, or in ./datasets."
    )


def test_download_keeps_standard_output_clean(monkeypatch, capsys):
    def download():
        print("Downloading data ...", file=sys.stdout)
        x = np.zeros((2, 32, 32, 3), np.uint8)
        return (x, np.array([[0], [9]])), (x, np.array([[3], [4]]))

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", download)
    data = load_data("cifar10")
    assert (data.train.y.tolist(), data.test.y.tolist()) == ([0, 9], [3, 4])
    assert data.source == "CIFAR-10 downloaded by keras.datasets"
    assert capsys.readouterr().out == ""


def test_the_archive_of_cifar10(tmp_path):
    path = write_cifar(tmp_path / cifar10.ARCHIVE)
    data = load_data(path)
    assert (len(data.train), len(data.test), data.size, data.name) == (20, 4, (32, 32), "cifar10")
    assert data.source == f"CIFAR-10 from {path}"
    safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # Python has it from 3.11.4 on
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path, **safely)
    unpacked = load_data(tmp_path / "cifar-10-batches-py")
    np.testing.assert_array_equal(data.train.x, unpacked.train.x)
    assert (
        load_data("cifar10", search_dir=tmp_path).source
        == f"CIFAR-10 from {tmp_path / 'cifar-10-batches-py'}"
    )


class Hostile:
    def __reduce__(self):
        return (open, ("pwned", "w"))


def test_a_hostile_archive_runs_nothing(tmp_path):
    path = write_cifar(tmp_path / "x.tar.gz", ("data_batch_3", pickle.dumps({b"data": Hostile()})))
    assert "data_batch_3 asks to load io.open, which no CIFAR-10 batch needs: refused" in said(path).replace(
        "_io.open", "io.open"
    )
    assert not (tmp_path / "pwned").exists()


def test_archives_that_are_not_cifar10(tmp_path):
    (tmp_path / "no.tgz").write_bytes(b"text")
    assert said(tmp_path / "no.tgz").startswith(f"{tmp_path / 'no.tgz'} is not a tar that can be read (")
    path = write_cifar(tmp_path / cifar10.ARCHIVE)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert said(path).startswith(str(path))
    with tarfile.open(tmp_path / "other.tgz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("cifar-10-batches-py/test_batch"))
    assert "is not a readable CIFAR-10 batch" in said(tmp_path / "other.tgz")
    with tarfile.open(tmp_path / "many.tgz", "w:gz") as archive:
        for i in range(120):
            archive.addfile(tarfile.TarInfo(f"test_batch/{i}" if i else "cifar-10-batches-py/test_batch_"))
        archive.addfile(tarfile.TarInfo("test_batch"))
    assert "needs at least two folders" in said(tmp_path / "many.tgz")
