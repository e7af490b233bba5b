"""Folders of class folders: every layout, and errors that name the place."""

import os
import re

import numpy as np
import pytest
from PIL import Image

from residual.data.folders import list_images
from residual.data.load import load_data
from residual.errors import DataError


def fill(folder, *colours, size=(8, 8)):
    """One PNG per grey value."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, grey in enumerate(colours):
        Image.new("RGB", size, (grey, grey, grey)).save(folder / f"{i}.png")


def greys(images) -> list[int]:
    return sorted(images.x[:, 0, 0, 0].tolist())


def test_one_level(tmp_path):
    top = tmp_path / "pets"
    fill(top / "dogs", *range(100, 120))
    fill(top / "cats", *range(20))
    data = load_data(top)
    assert data.classes == ("cats", "dogs")
    assert (data.name, data.size, data.made_test) == ("pets", (64, 64), True)
    assert (len(data.train), len(data.test)) == (34, 6)
    assert greys(data.train) + greys(data.test) != greys(data.train)
    assert sorted(greys(data.train) + greys(data.test)) == [*range(20), *range(100, 120)]
    assert ((data.train.x[:, 0, 0, 0] >= 100) == data.train.y).all()
    assert data.source == f"40 images from {top} (class folders); 6 of them set aside as the test set"
    np.testing.assert_array_equal(load_data(top).test.x, data.test.x)


def test_size_is_a_choice(tmp_path):
    fill(tmp_path / "a", 1, 2, size=(30, 20))
    fill(tmp_path / "b", 1, 2, size=(4, 9))
    assert load_data(tmp_path, 16).train.x.shape == (2, 16, 16, 3)


@pytest.mark.parametrize(
    "names", [("train", "test"), ("Train", "TEST"), ("training", "test"), ("train", "val")]
)
def test_two_parts(tmp_path, names):
    for start, name in enumerate(names):
        fill(tmp_path / name / "a", start, start + 10)
        fill(tmp_path / name / "b", start + 100)
    data = load_data(tmp_path)
    assert data.classes == ("a", "b")
    assert (greys(data.train), greys(data.test)) == ([0, 10, 100], [1, 11, 101])
    assert data.validation is None
    assert not data.made_test
    assert data.source == f"6 images from {tmp_path} (class folders)"


@pytest.mark.parametrize("validation", ["val", "valid", "validation"])
def test_three_parts(tmp_path, validation):
    for start, name in enumerate(("train", validation, "test")):
        fill(tmp_path / name / "a", start)
        fill(tmp_path / name / "b", start + 100)
    data = load_data(tmp_path)
    parts = (data.train, data.validation, data.test)
    assert [greys(part) for part in parts] == [[0, 100], [1, 101], [2, 102]]


def test_train_alone_sets_a_test_part_aside(tmp_path):
    fill(tmp_path / "train" / "a", *range(4))
    fill(tmp_path / "train" / "b", *range(100, 104))
    data = load_data(tmp_path)
    assert data.classes == ("a", "b")
    assert data.made_test
    assert (len(data.train), len(data.test)) == (6, 2)


def test_a_class_may_be_called_train(tmp_path):
    for i, name in enumerate(("bus", "car", "train")):
        fill(tmp_path / name, i, i + 100)
    assert load_data(tmp_path).classes == ("bus", "car", "train")


def test_numbers_go_by_value_before_words(tmp_path):
    for name in ("10", "2", "cat", "1", "²"):
        fill(tmp_path / name, 1, 2)
    assert load_data(tmp_path).classes == ("1", "2", "10", "cat", "²")


def test_hidden_files_other_files_and_deeper_folders(tmp_path):
    fill(tmp_path / "a" / "deep" / "deeper", 5, 6)
    fill(tmp_path / "b", 7, 8)
    fill(tmp_path / ".git", 1)
    fill(tmp_path / "__MACOSX" / "a", 1)
    fill(tmp_path / "a" / ".ipynb_checkpoints", 1)
    (tmp_path / "a" / "._0.png").write_bytes(b"what macOS leaves")
    (tmp_path / "a" / "notes.txt").write_text("no image")
    (tmp_path / "a" / "folder.png").mkdir()
    (tmp_path / "readme.md").write_text("no class")
    data = load_data(tmp_path)
    assert data.classes == ("a", "b")
    assert sorted(greys(data.train) + greys(data.test)) == [5, 6, 7, 8]


def test_capital_suffixes(tmp_path):
    for name in ("a", "b"):
        fill(tmp_path / name, 1, 2)
        (tmp_path / name / "1.png").rename(tmp_path / name / "1.PNG")
    assert len(list_images(tmp_path)) == 4


def test_a_folder_named_by_a_dot_has_its_own_name(tmp_path, monkeypatch):
    top = tmp_path / "pets"
    fill(top / "a", 1, 2)
    fill(top / "b", 1, 2)
    monkeypatch.chdir(top)
    assert load_data(".").name == "pets"


def test_corrupt_images_are_skipped_while_they_are_few(tmp_path):
    fill(tmp_path / "a", *range(20))
    fill(tmp_path / "b", *range(100, 119))
    (tmp_path / "a" / "x.jpg").write_bytes(b"not a photo")
    data = load_data(tmp_path)
    assert greys(data.train) + greys(data.test) != []
    assert sorted(greys(data.train) + greys(data.test)) == [*range(20), *range(100, 119)]
    assert [text.split(" is not")[0] for text in data.unreadable] == [str(tmp_path / "a" / "x.jpg")]
    for i in range(2):
        (tmp_path / "b" / f"{i}.png").write_bytes(b"")
    with pytest.raises(DataError) as caught:
        load_data(tmp_path)
    assert str(caught.value).startswith(
        f"{tmp_path}: 3 of 40 image files cannot be read, more than 5%. The first: {tmp_path / 'a' / 'x.jpg'} is not"
    )
    assert len(load_data(tmp_path, max_unreadable=0.1).unreadable) == 3
    with pytest.raises(DataError, match=r"^max_unreadable must be a share from 0 to below 1; got 1\.5\.$"):
        load_data(tmp_path, max_unreadable=1.5)


def test_a_class_of_damaged_images_alone(tmp_path):
    fill(tmp_path / "a", *range(40))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.jpg").write_bytes(b"not a photo")
    says = f"{tmp_path} has no training images for b that can be read. The first that cannot: "
    with pytest.raises(DataError, match=f"^{re.escape(says)}"):
        load_data(tmp_path)


def test_extra_class_in_test(tmp_path):
    for part, names in (("train", "ab"), ("test", "abcd")):
        for name in names:
            fill(tmp_path / part / name, 1)
    with pytest.raises(DataError) as caught:
        load_data(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'test'} has classes that the training folder lacks: c, d. Both need the same folders: "
        "add the training images, or remove these."
    )


def test_class_without_images(tmp_path):
    fill(tmp_path / "a", 1, 2)
    (tmp_path / "b").mkdir()
    (tmp_path / "c").mkdir()
    with pytest.raises(DataError) as caught:
        load_data(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} has no training images for b: {tmp_path / 'b'} is empty. Put images in it, or remove it."
    )


def test_too_few_classes(tmp_path):
    wanted = (
        f"{tmp_path} needs at least two folders, one per class, with the images of the class inside; it has "
    )
    with pytest.raises(DataError, match=re.escape(wanted + "0.")):
        load_data(tmp_path)
    fill(tmp_path / "wrapper" / "a", 1)
    with pytest.raises(DataError) as caught:
        load_data(tmp_path)
    assert str(caught.value) == wanted.replace(str(tmp_path), str(tmp_path / "wrapper")) + "1: a."
    fill(tmp_path / "wrapper" / "a", 1, 2)
    fill(tmp_path / "wrapper" / "b", 1, 2)
    assert load_data(tmp_path).classes == ("a", "b")


def test_one_image_per_class_leaves_nothing_to_set_aside(tmp_path):
    fill(tmp_path / "a", 1)
    fill(tmp_path / "b", 1)
    with pytest.raises(DataError, match=f"^{re.escape(str(tmp_path))} has no test images"):
        load_data(tmp_path)


def test_forbidden_folder(tmp_path, monkeypatch):
    list_folder = os.scandir

    def refuse(place):
        if os.fspath(place) == str(tmp_path / "a"):
            raise PermissionError(13, "Permission denied", os.fspath(place))
        return list_folder(place)

    fill(tmp_path / "a", 1)
    fill(tmp_path / "b", 1)
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError) as caught:
        load_data(tmp_path)
    assert str(caught.value) == f"{tmp_path / 'a'} may not be read: Permission denied."


def test_the_first_bad_file_by_name_is_told(tmp_path):
    fill(tmp_path / "a", *range(100))
    fill(tmp_path / "b", *range(100))
    for bad in ("b/7.png", "a/95.png", "a/96.png"):
        (tmp_path / bad).write_bytes(b"text")
    with pytest.raises(DataError, match=re.escape(f"The first: {tmp_path / 'a' / '95.png'} is not an image")):
        load_data(tmp_path, max_unreadable=0)
