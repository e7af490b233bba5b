"""Files are replaced whole or not at all."""

from pathlib import Path

import pytest

from residual._atomic import replace_file, write_bytes, write_text


def test_a_file_is_replaced(tmp_path):
    target = tmp_path / "new" / "a.txt"
    for text in ("one", "two"):
        with replace_file(target) as partial:
            assert partial.suffix == ".txt"
            partial.write_text(text)
        assert target.read_text() == text
    assert [file.name for file in target.parent.iterdir()] == ["a.txt"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def fail_half_way():
        with replace_file(target) as partial:
            partial.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert target.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("other", [None, "b.txt"])
def test_an_error_names_the_file_that_was_asked_for(tmp_path, other):
    def fill_the_disk():
        with replace_file(tmp_path / "a.txt") as partial:
            partial.write_text("half")
            raise OSError(28, "No space left on device", other)

    with pytest.raises(OSError, match="No space") as caught:
        fill_the_disk()
    assert caught.value.filename == (other or str(tmp_path / "a.txt"))


def test_a_disk_that_refuses_to_remove_what_is_not_there(tmp_path, monkeypatch):
    def refuse(self, missing_ok=False):
        raise OSError(30, "Read-only file system", str(self))

    monkeypatch.setattr(Path, "unlink", refuse)
    write_text(tmp_path / "a.txt", "kept")
    assert (tmp_path / "a.txt").read_text() == "kept"


def test_text_and_bytes_take_the_place_of_the_old_ones(tmp_path):
    target = tmp_path / "a.txt"
    write_text(target, "naïve")
    assert target.read_bytes() == "naïve".encode()
    write_bytes(target, b"\x00")
    assert target.read_bytes() == b"\x00"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]
