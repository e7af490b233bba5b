"""Zips of class folders: read in place, and harmless when hostile."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from residual.data import archives
from residual.data.archives import clean_names
from residual.data.class_tree import list_classes
from residual.data.folders import list_names
from residual.data.images import SPLITS
from residual.data.load import load_data, open_source
from residual.errors import DataError
from tests.support.image_files import pack, photos


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
        ({**photos("a", "b"), "c/note.cr2": b""}, "c has no image that can be read, but .cr2 files"),
        (
            {**photos("train/a", "train/b"), **photos("test/c")},
            " has classes that the training folder lacks: c.",
        ),
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
    source = open_source(tmp_path / "bad.zip")
    with pytest.raises(DataError, match=r"a/0\.png cannot be unpacked"):
        source.open(0)
    assert source.open(1) == photos("a", "b")["a/1.png"]


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
        source = open_source(path)
    except DataError:
        return
    said = []
    for i in range(len(source)):
        try:
            source.open(i)
        except DataError as error:
            said.append(str(error))
    assert all(str(path) in text for text in said)


NAMES = st.text(st.sampled_from("ab./\\trainest é"), max_size=14)


@given(st.lists(NAMES, max_size=12))
def test_any_names_list_or_say_why_not(names):
    try:
        members = clean_names([name + ".png" for name in names], "here")
        columns = list_classes(list_names(members, "here", lambda name, most: b"")).columns()
    except DataError as error:
        columns, said = None, str(error)
    if columns is None:
        assert said.startswith("here")
        return
    labels, splits = columns["labels"], columns["splits"]
    assert set(labels[splits == SPLITS.index("train")]) == set(range(len(columns["classes"])))
    assert len(columns["names"]) == len(labels) == len(splits)


@pytest.mark.shared
def test_the_real_zip_is_read_as_its_folder(shared_data):
    data = load_data(shared_data / "sign_language_digits" / "sign_language_digits.zip", 32)
    assert data.classes == tuple("0123456789")
    assert (len(data.train) + len(data.test), data.size, data.made_test) == (2062, (32, 32), True)
