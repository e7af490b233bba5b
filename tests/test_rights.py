"""Files and folders that may not be read: said so, and not called damaged or empty."""

import os
import re

import pytest

import residual
from residual.data.cifar10 import read_batch_file
from residual.data.load import load_data, open_source
from residual.errors import DataError, RunError
from residual.evaluation.predict import find_images
from tests.support.image_files import photos


@pytest.fixture
def pets(tmp_path):
    for name, content in {
        **photos("cats/deep", "dogs"),
        ".hidden/no.png": b"",
        "dogs/notes.txt": b"",
    }.items():
        (tmp_path / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pets" / name).write_bytes(content)
    return tmp_path / "pets"


@pytest.mark.parametrize("name", ["all.npz", "all.parquet", "all.csv", "all.zip", "all.h5", "all.tar.gz"])
def test_a_file(tmp_path, monkeypatch, name):
    (tmp_path / name).write_bytes(b"secret")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(DataError) as caught:
        load_data(tmp_path / name)
    assert str(caught.value) == (
        f"{tmp_path / name} may not be read: permission denied. Change its rights, or name a copy of yours."
    )


@pytest.mark.parametrize("read", [load_data, open_source, lambda folder: find_images(folder)])
def test_a_folder_inside_that_may_not_be_listed(pets, monkeypatch, read):
    """Its images were missed without a word."""
    list_folder = os.scandir

    def refuse(place):
        if os.fspath(place).endswith("deep"):
            raise PermissionError(13, "Permission denied", os.fspath(place))
        return list_folder(place)

    assert read(pets)
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError) as caught:
        read(pets)
    assert str(caught.value) == f"{pets / 'cats' / 'deep'} may not be read: Permission denied."


def test_other_files_are_told_apart(pets):
    source = open_source(pets)
    assert (len(source), source.passed_over) == (8, (("dogs/notes.txt", "no image"), (".hidden", "hidden")))


def test_a_batch_of_cifar10(tmp_path):
    (tmp_path / "data_batch_3").mkdir()
    with pytest.raises(DataError) as caught:
        read_batch_file(tmp_path / "data_batch_3")
    assert str(caught.value) == (
        f"{tmp_path / 'data_batch_3'} may not be read: Is a directory. Unpack the archive again."
    )


@pytest.mark.parametrize(
    "text", ["seed = 1", "data = 3", "[data]\nasked = 'digits'", "[data]\nclasses = 'ab'"]
)
def test_a_run_that_does_not_say_its_data(tmp_path, text):
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    (tmp_path / "runs" / "mine" / "run.toml").write_text(text)
    with pytest.raises(RunError) as caught:
        residual.evaluate("mine")
    said = str(caught.value)
    assert said.startswith("runs/mine/run.toml is incomplete or damaged: ")
    assert re.search(r"missing required field|Expected 'array', got 'str' - at '\$.data.classes'", said)
    assert said.endswith("Restore it, or name the model file itself.")
