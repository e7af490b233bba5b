"""The table of readers: what each row must hold, and that a new layout is one file and one row."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from residual.auditing.audit import audit_source
from residual.cli import app
from residual.data import readers
from residual.data.columns import Numbered
from residual.data.load import load_data, open_source
from residual.data.readers import READERS
from residual.data.source import FileSource
from residual.errors import DataError
from tests.support.image_files import png


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_row_names_and_describes_itself(reader):
    assert reader.name == reader.name.lower()
    assert reader.label[0].isalpha()
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in reader.suffixes)
    assert isinstance(reader.options, frozenset)


def test_names_are_unique():
    assert len({reader.name for reader in READERS}) == len(READERS)


class Counted:
    """A layout that nobody has: a file that says how many images to make of nothing."""

    name = "counted"
    label = "a number of images"
    suffixes = (".counted",)
    options = frozenset({"first"})

    def matches(self, location) -> bool:
        return location.is_file(*self.suffixes)

    def open(self, location) -> FileSource:
        count, first = int(location.file.read_text()), int(location.options.get("first", 0))
        return FileSource(
            name=location.file.stem,
            layout=self.label,
            where=str(location.file),
            classes=("even", "odd"),
            names=Numbered([("image ", "")], [count]),
            labels=np.arange(count) % 2,
            splits=np.zeros(count, np.uint8),
            opener=lambda i: png(first + i),
        )


def test_a_new_layout_is_one_row(tmp_path, monkeypatch):
    path = tmp_path / "mine.counted"
    path.write_text("20")
    with pytest.raises(DataError, match="is of no kind that can be read"):
        load_data(path)
    monkeypatch.setattr(readers, "READERS", (Counted(), *READERS))
    data = load_data(f"{path}::first=100", 4)
    assert (data.name, data.classes, data.size, len(data.train), len(data.test)) == (
        "mine",
        ("even", "odd"),
        (4, 4),
        16,
        4,
    )
    assert sorted([*data.train.x[:, 0, 0, 0], *data.test.x[:, 0, 0, 0]]) == list(range(100, 120))
    assert data.source == f"20 images from {path} (a number of images); 4 of them set aside as the test set"
    with pytest.raises(DataError, match=r"mine\.counted: last must be one of first, validation\."):
        load_data(f"{path}::last=1")
    assert len(audit_source(open_source(path)).source) == 20
    found = CliRunner().invoke(app, ["data", str(path), "--json"])
    assert json.loads(found.stdout)["counts"] == {"train": {"even": 10, "odd": 10}}
