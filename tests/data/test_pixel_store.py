"""Images on disk: the same pixels as in memory, in any order, and nothing left behind."""

import gc
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from residual.data import pixel_store
from residual.data.decoding import decode_images
from residual.data.fingerprints import compute_fingerprint
from residual.data.images import Images, resize_all
from residual.data.load import load_data
from residual.data.pixel_store import PixelStore, allocate, pieces
from residual.errors import DataError

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (20, 5, 4, 3), dtype=np.uint8)


@pytest.fixture
def on_disk(monkeypatch) -> None:
    """Nothing is few enough to stay in memory."""
    monkeypatch.setattr(pixel_store, "IN_MEMORY", 0)


@pytest.fixture
def photos(tmp_path) -> Path:
    """Two classes of ten JPEGs of several sizes."""
    for name in ("a", "b"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(10):
            noise = RNG.integers(0, 256, (20 + i, 40 - i, 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / "photos" / name / f"{i}.jpg")
    return tmp_path / "photos"


def kept() -> PixelStore:
    x = allocate(len(PIXELS), PIXELS.shape[1:], "test")
    assert isinstance(x, PixelStore)
    for i, image in enumerate(PIXELS):
        x[i] = image
    return x


def png(grey: int, size: int = 4) -> bytes:
    file = io.BytesIO()
    Image.new("L", (size, size), grey).save(file, "PNG")
    return file.getvalue()


@pytest.mark.usefixtures("on_disk")
class TestPixelStore:
    @pytest.mark.parametrize(
        "key",
        [3, -1, slice(4, 11), slice(None, None, -2), [5, 2, 2, 19], np.arange(20) % 3 == 0, np.int64(7)],
    )
    def test_reads_what_an_array_would_give(self, key):
        x = kept()
        np.testing.assert_array_equal(x[key], PIXELS[key])
        assert x[key].dtype == np.uint8

    def test_shape_and_whole(self):
        x = kept()
        assert (x.shape, x.ndim, x.size, len(x), x.dtype) == (PIXELS.shape, 4, PIXELS.size, 20, np.uint8)
        np.testing.assert_array_equal(np.asarray(x), PIXELS)
        np.testing.assert_array_equal(np.stack(list(x)), PIXELS)
        with pytest.raises(IndexError):
            x[20]
        with pytest.raises(IndexError, match="one index, along the images"):
            x[:, 0]

    def test_a_part_of_a_part_reads_nothing_until_asked(self):
        images = Images(kept(), np.arange(20))
        part = images.take([9, 3, 7]).take([2, 0])
        assert isinstance(part.x, PixelStore)
        np.testing.assert_array_equal(part.x[:], PIXELS[[7, 9]])
        assert part.y.tolist() == [7, 9]
        whole = part.and_also(images.take([1]))
        assert isinstance(whole.x, PixelStore)
        np.testing.assert_array_equal(whole.x[:], PIXELS[[7, 9, 1]])

    def test_fingerprint_is_that_of_memory(self, monkeypatch):
        monkeypatch.setattr(pixel_store, "_PIECE", 7 * 60)
        order = RNG.permutation(20)
        images, in_memory = Images(kept(), np.arange(20)), Images(PIXELS, np.arange(20))
        assert compute_fingerprint(images.take(order)) == compute_fingerprint(in_memory.take(order))
        assert compute_fingerprint(images.take(order)) != compute_fingerprint(images)

    def test_the_user_is_told_where_the_pixels_lie(self):
        assert kept().description == (
            f"1.2 kB of pixels in a temporary file in {tempfile.gettempdir()}, gone at the end"
        )

    def test_no_pass_over_the_images_holds_them_all(self, monkeypatch):
        from residual.training import preparation, trainer

        monkeypatch.setattr(pixel_store, "_PIECE", 2**20)
        count = 3_000  # of 12 kB: 37 MB, of which a piece may be held, and what is computed from it
        file = png(9, 64)
        tracemalloc.start()
        try:
            x, _ = decode_images(((file, "") for _ in range(count)), count, None, "here")
            images = Images(x, np.arange(count) % 2).take(np.arange(count - 1, -1, -1))
            compute_fingerprint(images)
            compute_fingerprint(images, style="")
            for kind in ("channel", "mean-image"):
                preparation.normalization(kind, images)
            trainer.in_order(images, 2, 32)[0]
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert x.nbytes > 36e6
        assert peak < 24e6

    def test_scaling_is_that_of_memory(self, monkeypatch):
        far = resize_all(kept(), 3)
        assert isinstance(far, PixelStore)
        monkeypatch.setattr(pixel_store, "IN_MEMORY", 2**20)
        np.testing.assert_array_equal(far[:], resize_all(PIXELS, 3))

    def test_threads_read_side_by_side(self):
        x, wrong = kept(), []

        def read(seed):
            rng = np.random.default_rng(seed)
            for _ in range(200):
                rows = rng.integers(0, 20, 5)
                if not np.array_equal(x[rows], PIXELS[rows]):
                    wrong.append(rows)

        threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong

    def test_the_file_is_closed_with_the_last_images_on_it(self):
        x = kept()
        part, raw = x.only([1, 2]), x.file.raw
        del x
        gc.collect()
        np.testing.assert_array_equal(part[:], PIXELS[1:3])
        del part
        gc.collect()
        assert raw.closed

    def test_a_disk_too_small_is_told_before_anything_is_decoded(self, monkeypatch):
        monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(9, 9, 2_000_000))
        with pytest.raises(DataError) as caught:
            allocate(1000, (32, 32, 3), "pets")
        assert str(caught.value) == (
            "pets: 1,000 images of 32x32 pixels need 3.1 MB of temporary disk space; "
            f"{tempfile.gettempdir()} has 2.0 MB free. Use a smaller image_size, make room, "
            "or set TMPDIR to a folder with more room."
        )

    def test_a_disk_that_fills_up_is_told(self, monkeypatch):
        def full(self, row, image):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(pixel_store._File, "write", full)
        with pytest.raises(DataError, match="pets: the temporary file .* No space left on device. Make room"):
            decode_images([(png(1), "one")], 1, None, "pets")

    def test_a_folder_gives_the_same_pixels_from_disk_and_memory(self, photos, monkeypatch):
        far = load_data(photos, 16)
        monkeypatch.setattr(pixel_store, "IN_MEMORY", 2**30)
        near = load_data(photos, 16)
        assert isinstance(far.train.x, PixelStore)
        assert isinstance(near.train.x, np.ndarray)
        for a, b in ((far.train, near.train), (far.test, near.test)):
            np.testing.assert_array_equal(a.x[:], b.x)
            np.testing.assert_array_equal(a.y, b.y)
            assert compute_fingerprint(a) == compute_fingerprint(b)


def test_few_images_stay_in_memory_up_to_the_last_byte(monkeypatch):
    monkeypatch.setattr(pixel_store, "IN_MEMORY", 10 * 12)
    assert isinstance(allocate(10, (2, 2, 3), ""), np.ndarray)
    assert isinstance(allocate(11, (2, 2, 3), ""), PixelStore)


@pytest.mark.parametrize("multiple", [1, 3])
def test_pieces_are_all_of_it_in_order(multiple, monkeypatch):
    monkeypatch.setattr(pixel_store, "_PIECE", 4 * 60)
    parts = list(pieces(PIXELS, multiple))
    np.testing.assert_array_equal(np.concatenate(parts), PIXELS)
    assert {len(part) for part in parts[:-1]} == {4 if multiple == 1 else 3}


def test_decoding_keeps_the_order_and_names_the_first_bad_file():
    files = [(png(i), f"row {i}") for i in range(200)]
    assert decode_images(files, 200, None, "here")[0][:, 0, 0, 0].tolist() == list(range(200))
    files[150], files[60], files[61] = (b"text", "row 150"), (b"", "row 60"), (b"text", "row 61")
    with pytest.raises(DataError, match="^row 60 is not an image that can be read .it is empty"):
        decode_images(files, 200, None, "here")
    files[60] = (png(1, 5), "row 60")
    with pytest.raises(DataError, match="^row 60 has 5x5 pixels, row 0 4x4; give image_size"):
        decode_images(files, 200, None, "here")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode")]


def test_files_that_come_and_go_while_they_are_read_are_told():
    with pytest.raises(DataError, match="here: 2 images were expected, 1 are there"):
        decode_images([(png(1), "one")], 2, None, "here")
    with pytest.raises(DataError, match="here: 1 images were expected, more are there"):
        decode_images([(png(1), "one"), (png(1), "two")], 1, None, "here")


ENDS = """
import os, signal, sys
import numpy as np
from residual.data import pixel_store
pixel_store.IN_MEMORY = 0
x = pixel_store.allocate(10, (64, 64, 3), "")
x[9] = np.ones((64, 64, 3), np.uint8)
how = sys.argv[1]
if how == "error":
    raise RuntimeError
if how == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != "posix", reason="elsewhere the file has a name until the process ends")
@pytest.mark.parametrize("how", ["end", "error", "killed"])
def test_nothing_is_left_however_the_process_ends(how, tmp_path):
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", ENDS, how],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == {"end": 0, "error": 1, "killed": -signal.SIGKILL}[how]
    assert "Warning" not in ended.stderr
    assert list(tmp_path.iterdir()) == []
