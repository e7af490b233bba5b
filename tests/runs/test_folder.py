"""Folders of runs: their names, what is no run, and what is left of a training that did not begin."""

from pathlib import Path

import pytest

from residual.errors import RunError
from residual.runs.find import check_free, find_run, new_run
from residual.runs.folder import FollowedFolder, RunFolder
from residual.runs.record import parse_record


def test_runs_without_a_name_count_on_while_others_are_made(tmp_path, monkeypatch):
    make = Path.mkdir

    def make_late(self, *args, **options):
        """Another process is faster by a moment."""
        if self.name in ("digits-1", "digits-2"):
            make(self, *args, **options)
        make(self, *args, **options)

    monkeypatch.setattr(Path, "mkdir", make_late)
    assert new_run(None, "digits", tmp_path).path == tmp_path / "digits-3"
    assert new_run(None, "digits", tmp_path).path == tmp_path / "digits-4"


def test_a_folder_of_runs_that_is_a_file_is_said(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(RunError, match="The folder for the run cannot be made in"):
        new_run(None, "digits", tmp_path / "runs")


@pytest.mark.parametrize("name", ["old.h5", "old.HDF5"])
def test_an_old_model_is_to_be_converted(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x89HDF\r\n")
    with pytest.raises(RunError, match=f"convert it first: residual convert .*{name}"):
        find_run(tmp_path / name)
    with pytest.raises(RunError, match="There is no run or model"):
        find_run(tmp_path / f"gone{name}")


def test_a_saved_model_is_to_be_saved_otherwise(tmp_path):
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "saved_model.pb").write_bytes(b"")
    with pytest.raises(RunError, match=r"is a SavedModel folder.* residual convert model\.h5"):
        find_run(tmp_path / "export")


def test_a_lock_that_is_held_is_left_and_the_folder_is_free(monkeypatch):
    """Windows does not remove the lock of a run while its process holds it."""
    path = Path("runs/mine")
    path.mkdir(parents=True)
    (path / "run.toml").touch()
    unlink = Path.unlink

    def refuse(self, missing_ok=False):
        if self.name == ".lock":
            raise PermissionError(13, "The process cannot access the file", str(self))
        unlink(self, missing_ok=missing_ok)

    folder = RunFolder(path)
    with folder.claim():
        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", refuse)
            folder.discard()
        assert [entry.name for entry in path.iterdir()] == [".lock"]
    check_free("mine")


def test_a_training_that_did_not_begin_leaves_no_folder():
    path = Path("runs/mine")
    path.mkdir(parents=True)
    (path / "run.toml").touch()
    RunFolder(path).discard()
    assert not path.exists()


def test_a_process_that_follows_another_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = FollowedFolder(parse_record((Path(__file__).parent / "run_0_1.toml").read_text()))
    folder.change_record(precision="bfloat16")
    folder.add_to_report(epochs=3)
    folder.add_to_report(interrupted=False)
    folder.write_log([{"epoch": 1}])
    assert (folder.record.precision, folder.report) == ("bfloat16", {"epochs": 3, "interrupted": False})
    assert not folder.writes
    assert not list(tmp_path.iterdir())
