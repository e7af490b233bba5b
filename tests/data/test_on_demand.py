"""Images decoded on demand: the pixels that decoding first would give, at any number of processes, and bad files."""

import io
import os
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from residual.augment import Flip
from residual.data import on_demand, pixel_cache
from residual.data.fingerprints import STYLE, STYLE_OF_NAMES, compute_data_hash, find_style
from residual.data.load import load_data, open_source
from residual.data.pixel_store import PixelStore, is_lazy, list_unreadable, take_sample
from residual.errors import DataError, ResidualWarning
from residual.training.batches import Batches
from residual.training.job import split_as_asked
from residual.training.options import TrainOptions

RNG = np.random.default_rng(0)
COUNT = 24


def jpeg(i: int) -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(i).integers(0, 256, (20 + i % 3, 24, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def folder(tmp_path) -> Path:
    for i in range(COUNT):
        place = tmp_path / "photos" / "ab"[i % 2]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{i:02}.jpg").write_bytes(jpeg(i))
    return tmp_path / "photos"


def write_tar(path: Path, members, mode: str = "w", **options) -> None:
    with tarfile.open(path, mode, **options) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


@pytest.fixture
def shards(tmp_path) -> Path:
    (tmp_path / "shards").mkdir()
    for first in range(0, COUNT, 8):
        members = []
        for i in range(first, first + 8):
            members += [(f"{i:02}.jpg", jpeg(i)), (f"{i:02}.cls", b"%d" % (i % 2))]
        write_tar(tmp_path / "shards" / f"train-{first:03}.tar", members)
    return tmp_path / "shards"


@pytest.mark.parametrize("layout", ["folder", "shards"])
def test_the_pixels_are_those_of_decoding_first(layout, request):
    data = request.getfixturevalue(layout)
    first, lazy = load_data(f"{data}::decode=first", 16), load_data(f"{data}::decode=lazy", 16)
    assert (is_lazy(first.train.x), is_lazy(lazy.train.x)) == (False, True)
    for a, b in ((first.train, lazy.train), (first.test, lazy.test)):
        assert isinstance(b.x, PixelStore)
        np.testing.assert_array_equal(a.x, b.x[:])
        np.testing.assert_array_equal(a.y, b.y)
        assert list(a.names) == list(b.names)
    order = RNG.permutation(len(lazy.train))
    np.testing.assert_array_equal(lazy.train.x[order], np.asarray(first.train.x)[order])


def test_the_record_says_that_images_are_known_by_their_names(folder):
    first, lazy = load_data(folder, 16), load_data(f"{folder}::decode=lazy", 16)
    assert (find_style(first.train), find_style(lazy.train)) == (STYLE, STYLE_OF_NAMES)
    assert any("known by their names" in note for note in lazy.notes)
    assert compute_data_hash(lazy) == compute_data_hash(load_data(f"{folder}::decode=lazy", 16))
    assert "decoded when a step needs them" in lazy.train.x.description
    (folder / "a" / "00.jpg").rename(folder / "a" / "other.jpg")
    assert compute_data_hash(lazy) != compute_data_hash(load_data(f"{folder}::decode=lazy", 16))


def test_no_image_is_opened_before_it_is_asked_for(folder, monkeypatch):
    opened = []
    monkeypatch.setattr(
        on_demand, "read_image", lambda *a: opened.append(a[2]) or np.zeros((16, 16, 3), np.uint8)
    )
    data = split_as_asked(load_data(f"{folder}::decode=lazy", 16), TrainOptions())
    assert not opened
    data.train.x[[0, 3]]
    assert sorted(os.path.basename(name) for name in opened) == sorted(
        os.path.basename(data.train.names[i]) for i in (0, 3)
    )


def test_many_images_choose_it_by_themselves(folder, monkeypatch):
    monkeypatch.setattr(on_demand, "LAZY_FROM", 3 * 16 * 16 * COUNT)
    assert not is_lazy(load_data(folder, 16).train.x)
    assert is_lazy(load_data(folder, 17).train.x)
    assert not is_lazy(load_data(f"{folder}::decode=first", 17).train.x)


class OneOfTwo:
    """What a `Group` of two processes says to `Batches`, without the other process."""

    def __init__(self, process: int):
        self.process = process

    def rows(self, count: int) -> slice:
        return slice(self.process * count // 2, (self.process + 1) * count // 2)

    def place(self, x, y):
        return x, y


@pytest.mark.parametrize("augment", [(), (Flip(),)], ids=["as they are", "augmented"])
def test_the_parts_of_processes_are_the_whole_batch(folder, monkeypatch, augment):
    """The order is that of all images, so that step k shows the same whatever the number of processes."""
    train = load_data(f"{folder}::decode=lazy", 16).train
    monkeypatch.setattr(Batches, "_prepare", lambda *a: None)  # no batch is made ahead
    whole, opened, read = Batches(train, 2, 8, augment, seed=3)[0][0], [], on_demand.read_image
    monkeypatch.setattr(on_demand, "read_image", lambda *a: opened.append(a[2]) or read(*a))
    parts = []
    for process in range(2):
        with monkeypatch.context() as patch:
            patch.setattr("residual.training.batches.distribution.current", lambda p=process: OneOfTwo(p))
            parts.append(Batches(train, 2, 8, augment, seed=3)[0][0])
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert len(opened) == (16 if augment else 8), "augmentations draw for the whole batch"


def test_an_unreadable_training_image_is_replaced_by_the_next_of_its_class(folder):
    (folder / "a" / "00.jpg").write_bytes(b"no image")
    data = load_data(f"{folder}::decode=lazy", 16)
    split = split_as_asked(data, TrainOptions(max_unreadable=0.5))
    place = next(i for i in range(len(split.train)) if split.train.names[i].endswith("00.jpg"))
    own = [i for i in range(len(split.train)) if split.train.y[i] == split.train.y[place] and i > place]
    np.testing.assert_array_equal(split.train.x[place], split.train.x[own[0]])
    assert "not an image that can be read" in list_unreadable(split.train.x)[0]
    with pytest.raises(
        DataError, match="not an image that can be read.*It is not replaced by another image here: mend it"
    ):
        data.train.x[:]
    strict = split_as_asked(data, TrainOptions(max_unreadable=0.0))
    with pytest.raises(DataError, match="more than 0%.*max_unreadable"):
        strict.train.x[:]


def test_what_cannot_be_decoded_on_demand_is_refused(tmp_path, folder):
    members = [(f"{name}/{i}.jpg", jpeg(i)) for name in "ab" for i in range(3)]
    write_tar(tmp_path / "packed.tar.gz", members, "w:gz")
    with pytest.raises(DataError, match="can only be read in their order"):
        load_data(f"{tmp_path / 'packed.tar.gz'}::decode=lazy", 16)
    with pytest.raises(DataError, match="decode must be auto, first or lazy; got 'now'"):
        load_data(f"{folder}::decode=now", 16)
    np.savez(tmp_path / "a.npz", x_train=np.zeros((4, 8, 8, 3), np.uint8), y_train=np.array([0, 1, 0, 1]))
    with pytest.raises(DataError, match="decode must be one of"):
        open_source(f"{tmp_path / 'a.npz'}::decode=lazy")


def test_statistics_are_those_of_a_sample(folder):
    lazy = load_data(f"{folder}::decode=lazy", 16).train
    sample = take_sample(lazy.x, 5)
    assert len(sample) == 5
    np.testing.assert_array_equal(sample[:], lazy.x[np.linspace(0, len(lazy) - 1, 5).astype(int)])
    assert len(take_sample(np.zeros((9, 1, 1, 3), np.uint8), 5)) == 9


class TestCache:
    @pytest.fixture(autouse=True)
    def place(self, tmp_path, monkeypatch):
        (tmp_path / "cache").mkdir()
        monkeypatch.setenv(pixel_cache.VARIABLE, str(tmp_path / "cache"))
        monkeypatch.setattr(pixel_cache, "_SPARE", 0)
        return tmp_path / "cache"

    @pytest.fixture
    def decoded(self, monkeypatch) -> list:
        calls, read = [], on_demand.read_image
        monkeypatch.setattr(on_demand, "read_image", lambda *a: calls.append(a[2]) or read(*a))
        return calls

    @pytest.mark.parametrize("layout", ["folder", "shards"])
    def test_each_image_is_decoded_once_also_by_later_runs(self, layout, request, decoded, place):
        data = request.getfixturevalue(layout)
        train = load_data(f"{data}::decode=lazy", 16).train
        pixels = train.x[:]
        assert len(decoded) == len(train)
        again = load_data(f"{data}::decode=lazy", 16).train
        np.testing.assert_array_equal(again.x[:], pixels)
        assert len(decoded) == len(train)
        assert "decoded once and kept in" in train.x.description
        assert len(list(place.iterdir())) == 1

    def test_a_changed_image_is_decoded_again(self, folder, decoded):
        train = load_data(f"{folder}::decode=lazy", 16).train
        train.x[:]
        name = train.names[2]
        (folder / name).write_bytes(jpeg(99))
        os.utime(folder / name, ns=(1, 1))
        del decoded[:]
        again = load_data(f"{folder}::decode=lazy", 16).train
        again.x[:]
        assert [os.path.basename(call) for call in decoded] == [os.path.basename(name)]

    @pytest.mark.skipif(os.name != "posix", reason="Windows does not say when a file was last changed")
    def test_a_changed_image_of_the_same_size_and_time_is_decoded_again(self, folder, decoded):
        train = load_data(f"{folder}::decode=lazy", 16).train
        train.x[:]
        file = folder / train.names[2]
        before = file.stat()
        file.write_bytes(file.read_bytes())
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        del decoded[:]
        load_data(f"{folder}::decode=lazy", 16).train.x[:]
        assert [os.path.basename(call) for call in decoded] == [file.name]

    def test_folders_with_the_same_names_do_not_share_it(self, folder, place):
        other = folder.parent / "other" / "photos"
        shutil.copytree(folder, other)
        for data in (folder, other):
            load_data(f"{data}::decode=lazy", 16)
        assert len(list(place.iterdir())) == 2

    def test_a_disk_that_cannot_be_read_is_decoded_anew(self, folder, monkeypatch):
        train = load_data(f"{folder}::decode=lazy", 16).train
        pixels = train.x[:]

        def fail(self, offset, size):
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(pixel_cache.PixelCache, "_read_at", fail)
        again = load_data(f"{folder}::decode=lazy", 16).train
        with pytest.warns(
            ResidualWarning, match="cannot be read or written: Input/output error. No more decoded"
        ):
            np.testing.assert_array_equal(again.x[:], pixels)

    def test_a_folder_in_its_place_is_refused(self, folder, place):
        load_data(f"{folder}::decode=lazy", 16)
        file = next(place.iterdir())
        file.unlink()
        file.mkdir()
        with pytest.raises(
            DataError, match="cannot be used for decoded images.*Let RESIDUAL_PIXEL_CACHE name"
        ):
            load_data(f"{folder}::decode=lazy", 16)

    def test_a_note_says_that_it_is_not_used(self, folder, place):
        notes = load_data(folder, 16).notes
        assert any("RESIDUAL_PIXEL_CACHE is not used" in note for note in notes)
        assert not list(place.iterdir())

    def test_damaged_pixels_are_decoded_again(self, folder, decoded, place):
        train = load_data(f"{folder}::decode=lazy", 16).train
        pixels = train.x[:]
        file = next(place.iterdir())
        content = bytearray(file.read_bytes())
        content[4096 + 16 * 16 * 3 * int(train.x.rows[1]) + 5] ^= 1
        file.write_bytes(content)
        del decoded[:]
        np.testing.assert_array_equal(load_data(f"{folder}::decode=lazy", 16).train.x[:], pixels)
        assert len(decoded) == 1

    def test_too_little_room_is_refused_with_the_size(self, folder, monkeypatch):
        usage = pixel_cache.shutil._ntuple_diskusage(9, 9, 10_000)
        monkeypatch.setattr(pixel_cache.shutil, "disk_usage", lambda folder: usage)
        with pytest.raises(
            DataError, match=r"24 images of 16x16 pixels take 22.5 kB decoded; .* has 10.0 kB free"
        ):
            load_data(f"{folder}::decode=lazy", 16)

    def test_a_missing_folder_is_refused(self, folder, monkeypatch):
        monkeypatch.setenv(pixel_cache.VARIABLE, str(folder / "missing"))
        with pytest.raises(DataError, match="There is no folder .*missing for decoded images"):
            load_data(f"{folder}::decode=lazy", 16)

    def test_a_disk_that_fills_up_costs_time_and_nothing_else(self, folder, decoded, monkeypatch):
        def full(self, offset, content):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(pixel_cache.PixelCache, "_write_at", full)
        train = load_data(f"{folder}::decode=lazy", 16).train
        with pytest.warns(ResidualWarning, match="No space left on device. No more decoded images are kept"):
            pixels = train.x[:]
        np.testing.assert_array_equal(pixels, load_data(f"{folder}::decode=first", 16).train.x)
