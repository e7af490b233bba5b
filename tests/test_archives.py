"""Zips of class folders and the tar.gz of CIFAR-10: read in place, and harmless when hostile."""

import io
import pickle
import struct
import tarfile
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from residual.data import archives, cifar
from residual.data.listing import list_tree
from residual.data.sources import load_data
from residual.errors import DataError

SAFELY = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # Python 3.11 has it from 3.11.4 on


def png(grey: int, size=(8, 8)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (grey, grey, grey)).save(file, "PNG")
    return file.getvalue()


def pack(path, files: dict[str, bytes]):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def photos(*folders: str, start: int = 0) -> dict[str, bytes]:
    return {
        f"{folder}/{i}.png": png(start + 10 * n + i) for n, folder in enumerate(folders) for i in range(4)
    }


def said(path) -> str:
    with pytest.raises(DataError) as caught:
        load_data(path)
    return str(caught.value)


LAYOUTS = {
    "one level": photos("cats", "dogs"),
    "numbers": photos("10", "9"),
    "parts": {**photos("train/a", "train/b"), **photos("test/a", "test/b", start=100)},
    "three parts": photos("Train/a", "Train/b", "val/a", "val/b", "TEST/a", "TEST/b"),
    "val is the test": photos("training/a", "training/b", "valid/a", "valid/b"),
    "train alone": photos("train/a", "train/b"),
    "a class called train": photos("bus", "car", "train"),
    "deep, and rubbish": {
        **photos("a/deep/deeper", "b", ".git", "__MACOSX/a"),
        "a/._0.png": b"",
        "a/notes.txt": b"",
        "readme.md": b"",
    },
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("around", ["", "photos/"])
def test_a_zip_is_read_as_the_folder_would_be(tmp_path, layout, around):
    files = {around + name: content for name, content in LAYOUTS[layout].items()}
    zipped = load_data(pack(tmp_path / "photos.zip", files), 8)
    for name, content in files.items():
        (tmp_path / "top" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "top" / name).write_bytes(content)
    folder = load_data(tmp_path / "top" / around, 8)
    assert (zipped.classes, zipped.made_test) == (folder.classes, folder.made_test)
    for part in ("train", "test", "validation"):
        ours, theirs = getattr(zipped, part), getattr(folder, part)
        assert (ours is None) == (theirs is None)
        if ours is not None:
            np.testing.assert_array_equal(ours.x, theirs.x)
            np.testing.assert_array_equal(ours.y, theirs.y)


def test_the_source_is_told(tmp_path):
    path = pack(tmp_path / "pets.zip", photos("cats", "dogs"))
    data = load_data(path)
    assert (data.name, data.size) == ("pets", (64, 64))
    assert (
        data.source == f"8 images from {path} (a zip of class folders); 2 of them set aside as the test set"
    )


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "needs at least two folders, one per class"),
        (photos("cats"), "it has 1: cats."),
        ({**photos("a", "b"), "c/note.txt": b""}, "has no images for c. Allowed: .png"),
        ({**photos("train/a", "train/b"), **photos("test/c")}, "that the training images lack: c."),
        ({**photos("a", "b"), "../../etc/x.png": b""}, "a path that leads out of the archive: refused."),
        ({**photos("a", "b"), "/etc/x.png": b""}, "a path that leads out of the archive: refused."),
        ({**photos("a", "b"), "a/broken.png": b"no"}, "a/broken.png is not an image that can be read"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, files, says):
    path = pack(tmp_path / "photos.zip", files)
    assert said(path).startswith(str(path))
    assert says in said(path)


def test_bombs_encryption_and_damage_concern_one_image(tmp_path, monkeypatch):
    bomb = {**photos("a", "b"), "a/bomb.png": bytes(3_000_000)}
    monkeypatch.setattr(archives, "MOST_BYTES", 2_000_000)
    assert "a/bomb.png would unpack to 3 MiB, more than an image may: 1 MiB." in said(
        pack(tmp_path / "bomb.zip", bomb)
    )
    content = pack(tmp_path / "good.zip", photos("a", "b")).read_bytes()
    start = content.index(b"PK\1\2")  # the first entry of the directory: a/0.png
    flags = struct.pack("<H", struct.unpack_from("<H", content, start + 8)[0] | 1)
    (tmp_path / "locked.zip").write_bytes(content[: start + 8] + flags + content[start + 10 :])
    assert "a/0.png is encrypted." in said(tmp_path / "locked.zip")
    (tmp_path / "bad.zip").write_bytes(content[:40] + bytes(8) + content[48:])
    raw = archives.read_zip(tmp_path / "bad.zip")
    with pytest.raises(DataError, match=r"a/0\.png cannot be unpacked"):
        raw.open(0)
    assert raw.open(1) == photos("a", "b")["a/1.png"]


@given(
    cut=st.integers(0, 700), flips=st.lists(st.tuples(st.integers(0, 699), st.integers(0, 255)), max_size=4)
)
@settings(max_examples=60, deadline=None)
def test_any_damage_is_a_data_error(tmp_path_factory, cut, flips):
    path = pack(tmp_path_factory.mktemp("zips") / "x.zip", photos("a", "b"))
    content = bytearray(path.read_bytes())
    for place, value in flips:
        content[place] = value
    path.write_bytes(content[: cut or None] if cut < 600 else content)
    try:
        raw = archives.read_zip(path)
    except DataError:
        return
    said = []
    for i in range(len(raw.entries)):
        try:
            raw.open(i)
        except DataError as error:
            said.append(str(error))
    assert all(str(path) in text for text in said)


NAMES = st.text(st.sampled_from("ab./\\trainest é"), max_size=14)


@given(st.lists(NAMES, max_size=12))
def test_any_names_list_or_say_why_not(names):
    try:
        listing = list_tree([name + ".png" for name in names], "here")
    except DataError as error:
        listing, said = None, str(error)
    if listing is None:
        assert said.startswith("here ")
        return
    assert {entry.label for entry in listing.entries if entry.part == "train"} == set(
        range(len(listing.classes))
    )
    assert listing.made_test == all(entry.part == "train" for entry in listing.entries)


def write_cifar(path, change=None, compression="w:gz"):
    rng = np.random.default_rng(0)
    with tarfile.open(path, compression) as archive:
        for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta"):
            batch = {b"data": rng.integers(0, 256, (4, 3072), np.uint8), b"labels": [0, 1, 2, 9]}
            content = pickle.dumps(batch) if change is None or name != change[0] else change[1]
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def test_the_archive_of_cifar10(tmp_path):
    path = write_cifar(tmp_path / cifar.ARCHIVE)
    data = load_data(path)
    assert (len(data.train), len(data.test), data.size, data.name) == (20, 4, (32, 32), "cifar10")
    assert data.source == f"CIFAR-10 from {path}"
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path, **SAFELY)
    unpacked = load_data(tmp_path / "cifar-10-batches-py")
    np.testing.assert_array_equal(data.train.x, unpacked.train.x)
    assert load_data("cifar10", root=tmp_path).source == f"CIFAR-10 from {tmp_path / 'cifar-10-batches-py'}"


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
    assert said(tmp_path / "no.tgz").startswith(f"{tmp_path / 'no.tgz'} is not a tar.gz that can be read (")
    path = write_cifar(tmp_path / cifar.ARCHIVE)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert said(path).startswith(str(path))
    with tarfile.open(tmp_path / "other.tgz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("readme"))
    assert "lacks data_batch_1, data_batch_2" in said(tmp_path / "other.tgz")
    with tarfile.open(tmp_path / "many.tgz", "w:gz") as archive:
        for i in range(120):
            archive.addfile(tarfile.TarInfo(f"{i}"))
    assert "is no CIFAR-10 archive: it holds '101'" in said(tmp_path / "many.tgz")


@pytest.mark.shared
def test_the_real_zip_is_read_as_its_folder(shared_data):
    data = load_data(shared_data / "sign_language_digits" / "sign_language_digits.zip", 32)
    assert data.classes == tuple("0123456789")
    assert (len(data.train) + len(data.test), data.size, data.made_test) == (2062, (32, 32), True)
