"""Data sets of the hub, with a stand-in for the library `datasets`: the hub itself is never asked."""

import sys
import types

import pytest

from residual.data.load import load_data
from residual.errors import DataError
from tests.support.image_files import png


class Image:
    def __init__(self, decode=True):
        self.decode = decode


class ClassLabel:
    def __init__(self, names):
        self.names = names


class Value:
    pass


class Table:
    """As much of `datasets.Dataset` as is used here."""

    def __init__(self, columns, features):
        self.columns, self.features = columns, features

    def __getitem__(self, key):
        return self.columns[key] if isinstance(key, str) else {n: c[key] for n, c in self.columns.items()}

    def cast_column(self, name, feature):
        assert not feature.decode
        return Table(self.columns, {**self.features, name: feature})


def rows(start, count, labels=None, path=None):
    images = [{"bytes": png(start + i), "path": None} for i in range(count)]
    if path:
        images[0] = {"bytes": None, "path": str(path)}
    label = ClassLabel(["cat", "dog"]) if labels is None else Value()
    values = [i % 2 for i in range(count)] if labels is None else labels
    return Table({"photo": images, "kind": values}, {"photo": Image(), "kind": label})


@pytest.fixture
def hub(monkeypatch):
    """Puts splits on the stand-in's hub and records what is asked of it."""
    module = types.ModuleType("datasets")
    module.Image, module.asked = Image, []

    def load_dataset(path, **named):
        module.asked.append((path, named))
        if isinstance(module.splits, Exception):
            raise module.splits
        return module.splits

    module.load_dataset = load_dataset
    monkeypatch.setitem(sys.modules, "datasets", module)
    return module


def said(data) -> str:
    with pytest.raises(DataError) as caught:
        load_data(data)
    return str(caught.value)


def test_splits_and_class_names(hub, tmp_path):
    (tmp_path / "x.png").write_bytes(png(7))
    hub.splits = {
        "train": rows(0, 6, path=tmp_path / "x.png"),
        "validation": rows(50, 2),
        "test": rows(100, 4),
    }
    data = load_data("hf://someone/pets", 8)
    assert (data.name, data.classes, data.made_test) == ("pets", ("cat", "dog"), False)
    greys = [part.x[:, 0, 0, 0].tolist() for part in (data.train, data.validation, data.test)]
    assert greys == [[7, 1, 2, 3, 4, 5], [50, 51], [100, 101, 102, 103]]
    assert data.train.y.tolist() == [0, 1] * 3
    assert data.source == "12 images from hf://someone/pets (a data set of the Hugging Face hub)"
    assert hub.asked == [("someone/pets", {"name": None, "revision": None})]


def test_one_split_and_labels_that_are_words(hub):
    hub.splits = {"train": rows(0, 12, labels=["b", "a"] * 6)}
    data = load_data("hf://pets::label=kind,config=small", 8)
    assert (data.classes, data.made_test) == (("a", "b"), True)
    assert hub.asked[0][1]["name"] == "small"


def test_what_is_wrong_is_said(hub, monkeypatch):
    hub.splits = {"part1": rows(0, 4)}
    assert said("hf://pets") == "hf://pets has no training images; its splits are part1."
    hub.splits = {"train": rows(0, 4, labels=["a", None, "b", "a"])}
    assert said("hf://pets::label=kind") == "hf://pets has rows without a label in column kind."
    assert said("hf://pets").startswith(
        "hf://pets has no column label; it has photo, kind. Say which it is: "
    )
    assert (
        said("hf://pets::size=3")
        == "hf://pets: size must be one of config, image, label, revision, validation."
    )
    hub.splits = ConnectionError("no route\nand more")
    assert said("hf://pets") == "hf://pets cannot be had from the Hugging Face hub: no route"
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert said("hf://pets") == "Reading hf://pets needs datasets: pip install 'residual-learning[hub]'."
