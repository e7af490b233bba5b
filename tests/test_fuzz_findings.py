"""What fuzzing found (python fuzz/run.py), kept small: the input that led to it, and what has to come of it."""

import contextlib
import gc
import io
import pickle
import struct
import tarfile
import tracemalloc
import warnings
import zipfile
import zlib

import h5py
import numpy as np
import pytest
from PIL import Image

from residual.auditing import scan
from residual.data import cifar10, image_file
from residual.data.image_file import read_image
from residual.data.load import load_data, open_source
from residual.data.pickled import ArraysOnly
from residual.errors import DataError, RecipeError
from residual.training.schedules import from_table
from tests.support.image_files import pack, photos, png


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def declaring(width: int, height: int) -> bytes:
    """A PNG of 8x8 pixels whose header declares another size."""
    content = bytearray(png(7))
    content[16:24] = struct.pack(">2I", width, height)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return bytes(content)


class TestMemory:
    """A float image took 25 bytes for a pixel while it was scaled, and the audit held each image twice."""

    @pytest.mark.parametrize(("mode", "value"), [("F", 0.5), ("I", 127)])
    def test_many_bits(self, mode, value):
        side = 2**11
        content = encoded(Image.new(mode, (side, side), value), "TIFF", compression="tiff_lzw")
        tracemalloc.start()
        grey = read_image(content)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert np.unique(grey).tolist() == [round(255 * 0.5) if mode == "F" else 127]
        assert most / side**2 < 16  # bytes for a pixel

    def test_strips_give_the_pixels_of_the_whole(self, monkeypatch):
        values = np.random.default_rng(0).normal(0.5, 0.4, (13, 7)).astype(np.float32)
        values[3, 3], values[12, 6] = np.nan, np.inf
        whole = image_file._to_bytes(values, "F")
        monkeypatch.setattr(image_file, "_STRIP", 15)  # two rows at a time, the last alone
        np.testing.assert_array_equal(image_file._to_bytes(values, "F"), whole)
        assert (whole[3, 3], whole[12, 6]) == (0, 255)


class TestNoMemory:
    """It left the audit as a MemoryError, and was told of as an image of an unknown format."""

    def test_while_decoding(self, monkeypatch):
        monkeypatch.setattr(image_file, "_to_rgb", self.fail)
        with pytest.raises(DataError) as caught:
            read_image(png(1), (8, 8), "photo.png")
        assert (
            str(caught.value) == "photo.png needs more memory than there is to decode. Scale it down first."
        )
        with pytest.raises(image_file.Unreadable) as told:
            image_file.decode_image(png(1))
        assert told.value.args == (image_file.HUGE, "it needs more memory than there is")

    def test_while_hashing(self, monkeypatch):
        monkeypatch.setattr(scan, "_cut_strips", self.fail)
        assert scan._examine(png(1)).kind == image_file.HUGE

    def fail(self, *_):
        raise MemoryError


def test_a_declared_size_over_the_limit_is_not_decoded():
    content = declaring(10_000, 10_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as a program that uses the package may have it
        with pytest.raises(image_file.Unreadable) as told:
            image_file.decode_image(content)
    assert told.value.kind == image_file.HUGE
    with pytest.raises(DataError, match="is too large to open safely: over 89,478,485 pixels"):
        read_image(content)


def test_two_members_of_one_name(tmp_path):
    """As the zip is unpacked, the last one counts."""
    path = tmp_path / "twice.zip"
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")
        for name, content in (*photos("cats", "dogs").items(), ("cats/0.png", png(200))):
            archive.writestr(name, content)
    data = load_data(path, 8)
    greys = np.concatenate([part.x[:, 0, 0, 0] for part in (data.train, data.test)])
    assert sorted(greys.tolist()) == [1, 2, 3, 10, 11, 12, 13, 200]


def test_a_damaged_npz_is_closed(tmp_path):
    """NumPy left the file open, which is a ResourceWarning and so fails a test."""
    path = tmp_path / "mine.npz"
    np.savez(path, x=np.zeros((4, 4, 4, 3), np.uint8), y=np.arange(4))
    path.write_bytes(path.read_bytes().replace(b"PK\x01\x02", b"PK\x01\x03"))  # the directory's entries
    with pytest.raises(DataError, match="is not an .npz that can be read safely"):
        load_data(path)
    gc.collect()


def npz_with_another(path, whole: bytes, damaged: bytes) -> str:
    """An .npz of 20 images and labels, and the labels once more with the header changed."""
    photos = np.arange(20 * 48, dtype=np.uint16).astype(np.uint8).reshape(20, 4, 4, 3)
    np.savez(path, photos=photos, kinds=np.arange(20) % 2)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("other.npy", archive.read("kinds.npy").replace(whole, damaged))
    return f"{path}::images=photos,labels=kinds"


def test_a_member_of_an_npz_that_is_no_array(tmp_path):
    """NumPy gives its bytes, which were taken for an array."""
    asked = npz_with_another(tmp_path / "mine.npz", b"NUMPY", b"DUMMY")
    assert len(load_data(asked).train) == 16
    assert "it holds kinds (20), photos (20 x 4 x 4 x 3)." in said(
        asked.replace("labels=kinds", "labels=other")
    )


def test_a_header_that_python_warns_of(tmp_path):
    asked = npz_with_another(tmp_path / "mine.npz", b"'shape'", rb"'\hape'")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert "is not an .npz that can be read safely" in said(asked)
    assert told == []


def said(path) -> str:
    with pytest.raises(DataError) as caught:
        load_data(path)
    return str(caught.value)


def test_names_in_hdf5_that_are_no_text(tmp_path):
    """They are bytes, and could not be sorted beside the others to be listed."""
    path = tmp_path / "mine.h5"
    with h5py.File(path, "w") as file:
        for name in (b"train_set_x", b"train_set_y", b"test_\xff"):
            file[name] = np.arange(3)
    with pytest.raises(DataError, match=r"It holds test_\ufffd, train_set_x, train_set_y\.$"):
        load_data(path)
    with pytest.raises(DataError, match=r"holds test_\ufffd \(3\), train_set_x \(3\), train_set_y \(3\)\."):
        load_data(f"{path}::images=x,labels=train_set_y")


def test_a_member_without_a_name(tmp_path):
    path = pack(tmp_path / "photos.zip", {**photos("a", "b"), "x": b""})
    content = path.read_bytes()
    entry = content.rindex(b"PK\1\2")
    nameless = (
        content[entry : entry + 28] + b"\0\0\1\0" + content[entry + 32 :]
    )  # its letter is an extra field
    path.write_bytes(content[:entry] + nameless)
    assert load_data(path, 8).classes == ("a", "b")  # it was an IndexError


def test_damaged_lzma(tmp_path):
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name, content in photos("a", "b").items():
            archive.writestr(name, content)
    content = bytearray(path.read_bytes())
    content[30 + len("a/0.png") + 9 + 4] ^= 255  # in the packed bytes of the first image
    path.write_bytes(content)
    (told,) = load_data(path, max_unreadable=0.2).unreadable
    assert told.startswith(f"{path}: a/0.png cannot be unpacked (")


def test_test_images_of_which_none_can_be_read(tmp_path):
    files = {**photos("train/a", "train/b"), "test/a/0.png": b"", "test/b/0.png": b""}
    path = pack(tmp_path / "photos.zip", files)
    with pytest.raises(
        DataError, match="none of the test images can be read. The first: .*test/a/0.png is not"
    ):
        load_data(path, max_unreadable=0.5)


def test_a_stray_label_in_parquet(tmp_path):
    """The audit made as many class names."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "all.parquet"
    cells = pa.array([{"bytes": png(i), "path": None} for i in range(3)])
    pq.write_table(pa.table({"image": cells, "label": [0, 1, 2**62]}), path)
    with pytest.raises(DataError) as caught:
        open_source(path)
    assert str(caught.value) == (
        f"{path}: labels must be 0 to 99999 at most, got 0 to {2**62}. Count the classes from 0."
    )


class TestPickles:
    """A few bytes of a CIFAR-10 batch asked for gigabytes, or brought NumPy to an error of its own."""

    def said(self, path, content: bytes) -> str:
        path.write_bytes(content)
        with pytest.raises(DataError) as caught:
            cifar10.read_batch_file(path)
        return str(caught.value)

    @pytest.mark.parametrize(
        "content",
        [
            pickle.EMPTY_LIST + pickle.LONG_BINPUT + struct.pack("<I", 2**24) + pickle.STOP,
            pickle.BYTEARRAY8 + struct.pack("<Q", 2**27) + pickle.STOP,
        ],
    )
    def test_numbers_in_a_few_bytes_take_no_memory(self, content):
        tracemalloc.start()
        with contextlib.suppress(EOFError, pickle.UnpicklingError):
            assert ArraysOnly(io.BytesIO(content)).load() == []
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 2**20

    @pytest.mark.parametrize(
        "start", [pickle.PROTO + b"\5" + pickle.FRAME, pickle.BINBYTES8, pickle.BYTEARRAY8]
    )
    def test_no_more_is_read_than_there_is(self, tmp_path, start):
        text = self.said(tmp_path / "test_batch", start + struct.pack("<Q", 2**46) + b"rest.")
        assert "is not a readable CIFAR-10 batch (" in text
        assert "MemoryError" not in text

    def test_a_batch_of_another_size(self, tmp_path, monkeypatch):
        monkeypatch.setattr(cifar10, "MOST_BYTES", 2**20)
        text = self.said(tmp_path / "test_batch", bytes(2**20 + 1))
        assert text == f"{tmp_path / 'test_batch'} is not a CIFAR-10 batch: it is larger than 1 MiB."

    def test_flags_of_a_dtype_mean_nothing(self, tmp_path):
        batch = {b"data": np.arange(3072, dtype=np.uint16).astype(np.uint8)[None], b"labels": [3]}
        content = pickle.dumps(batch, protocol=2)
        plain, objects = (b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK" + flags + b"t" for flags in (b"\0", b"\1"))
        assert plain in content
        (tmp_path / "test_batch").write_bytes(content.replace(plain, objects))
        images = cifar10.read_batch_file(tmp_path / "test_batch")
        assert images.x[0, 0, 1].tolist() == [1, 1, 1]  # 1, 1025 and 2049 modulo 256
        assert images.y.tolist() == [3]

    def test_lists_of_lists_are_not_spread_out(self, tmp_path):
        labels = [1]
        for _ in range(40):
            labels = [labels, labels]
        batch = {b"data": np.zeros((1, 3072), np.uint8), b"labels": labels}
        assert "(neither an array nor a list of numbers, but list)" in self.said(
            tmp_path / "test_batch", pickle.dumps(batch)
        )

    @pytest.mark.parametrize("kind", [object, "V4", "S3", complex])
    def test_arrays_of_other_than_numbers(self, tmp_path, kind):
        batch = {b"data": np.zeros(3072, kind), b"labels": [1]}
        text = self.said(tmp_path / "test_batch", pickle.dumps(batch))
        assert text.endswith(", not of plain numbers). Unpack the archive again.")


def test_rows_of_parquet_that_are_declared_and_not_there(tmp_path):
    """pyarrow passes over a page of an unknown kind; the audit asked for its rows all the same."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "all.parquet"
    cells = pa.array([{"bytes": png(i)} for i in range(4)], pa.struct([("bytes", pa.binary())]))
    table = pa.table({"image": cells, "label": [0, 1, 0, 1]})
    pq.write_table(table, path, compression="none", use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[5] = 127  # the kind of the first page
    path.write_bytes(content)
    with pytest.raises(DataError, match="row 0 is declared and not there. Download the file again"):
        load_data(path)
    with pytest.raises(DataError) as caught:
        open_source(path).open(2)
    assert str(caught.value) == f"{path} row 2 is declared and not there. Download the file again."


def test_a_header_of_a_tar_that_is_no_text(tmp_path):
    path = tmp_path / "cifar-10-python.tar.gz"
    content = b"21 hdrcharset=\xff\xff\xff\xff\xff\xff\n"
    header = tarfile.TarInfo("header")
    header.type, header.size = tarfile.XHDTYPE, len(content)
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(header, io.BytesIO(content))
        archive.addfile(tarfile.TarInfo("data_batch_1"))
    with pytest.raises(DataError) as caught:
        load_data(path)
    # Python before 3.11.4 reads on to the batch, which is empty.
    unreadable = ("is not a tar that can be read (", "data_batch_1 is not a readable CIFAR-10 batch (")
    assert str(caught.value).startswith(str(path))
    assert any(said in str(caught.value) for said in unreadable)


def test_a_member_called_by_a_dot(tmp_path):
    """It has no parts, the first of which told whether it lies in a folder train."""
    assert load_data(pack(tmp_path / "a.zip", {**photos("a", "b"), ".": b""}), 8).classes == ("a", "b")
    with pytest.raises(DataError, match="needs at least two folders"):
        load_data(pack(tmp_path / "b.zip", {".": b""}))


@pytest.mark.parametrize("schedule", ["constant", "one-cycle", "steps"])
@pytest.mark.parametrize("rate", [10**400, 1e300])
def test_rates_of_hundreds_of_digits(schedule, rate):
    """They became infinite in float32, or OverflowErrors."""
    values = {"constant": {"rate": rate}, "one-cycle": {"peak": rate}, "steps": {"rates_from": [[0, rate]]}}
    with pytest.raises(RecipeError, match=f"^schedule {schedule}: "):
        from_table({"kind": schedule, **values[schedule]})
