"""A run's folder: what is left of a training that did not begin."""

from pathlib import Path

from residual.runs.folder import RunFolder, check_free


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
