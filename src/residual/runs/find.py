"""Runs by name: the folder of a new one, and those that are there."""

import re
from contextlib import suppress
from pathlib import Path

from residual._text import describe_value
from residual.errors import RunError
from residual.runs.folder import RESUMABLE, ROOT, RunFolder

_NAMED = 8  # runs that a message names
_HDF5 = (".h5", ".hdf5")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def check_name(name: str | None) -> None:
    """Raise if a run cannot have this name.

    Raises:
        RunError: if the name is not plain.
    """
    if name is not None and (
        not isinstance(name, str) or not _PLAIN.fullmatch(name) or name.endswith(".keras")
    ):
        raise RunError(
            f"name must be made of letters, digits, '.', '_' and '-', such as first-try; got {name!r}."
        )


def check_free(name: str | None, root: Path = ROOT) -> None:
    """Raise if a new run cannot have this name.

    Raises:
        RunError: if the name is not plain, or is taken.
    """
    check_name(name)
    path = root / (name or "")
    if name is None or not path.exists() or (path.is_dir() and not _holds_files(path)):
        return
    before = RunFolder(path)
    if (path / "run.toml").is_file() and before.state in RESUMABLE:
        raise RunError(
            f"{path} exists already: a run that was {before.state}. Continue it with residual train --resume {name} "
            f'(resume="auto" in Python), or choose another `name`.'
        )
    raise RunError(f"{path} exists already. Choose another `name`, or remove it.")


def _holds_files(path: Path) -> bool:
    """Whether there is more than the lock and half-written files of a run that was killed before it began."""
    return any(not entry.name.startswith(".") for entry in path.iterdir())


def new_run(name: str | None, stem: str, root: Path = ROOT) -> RunFolder:
    """Make the folder of a new run.

    Args:
        name: what the user calls it; None counts up from `stem`: stem-1, stem-2, ...
        stem: such as "signs-course-resnet50".
        root: the folder of all runs.

    Raises:
        RunError: if the name is taken or is not a plain name, or the folder cannot be made.
    """
    check_free(name, root)
    try:
        if name is not None:
            (root / name).mkdir(parents=True, exist_ok=True)
            return RunFolder(root / name)
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.") or "run"
        for number in range(1, 100_000):
            path = root / f"{stem}-{number}"
            with suppress(FileExistsError):  # another process may make it between a look and the making
                path.mkdir(parents=True)
                return RunFolder(path)
    except OSError as error:
        raise RunError(f"The folder for the run cannot be made in {root}: {error.strerror}.") from None
    raise RunError(f"{root} is full of runs called {stem}.")


def find_existing(name: str | None, root: Path = ROOT) -> RunFolder | None:
    """The run of that plain name, or None."""
    if name is None or not _PLAIN.fullmatch(name) or not (root / name / "run.toml").is_file():
        return None
    return RunFolder(root / name)


def find_run(name: str | Path) -> RunFolder:
    """An existing run by its path, or by its name in ./runs.

    Raises:
        RunError: if there is none; the message lists the runs that there are.
    """
    if not isinstance(name, str | Path):
        raise RunError(f"A run must be named by its name or its folder; got {describe_value(name)}.")
    for path in (Path(name), ROOT / str(name)):
        if (path / "run.toml").is_file():
            return RunFolder(path)
    other = _describe_other_model(Path(name))
    raise RunError(other or f"There is no run or model {str(name)!r}.{_describe_runs()}")


def _describe_other_model(path: Path) -> str:
    """What to do with a model that is in no .keras file; "" if there is none at the path."""
    if path.suffix.lower() in _HDF5 and path.is_file():
        return (
            f"{path} is an HDF5 file, which is no run and no .keras file. If it holds a Keras model, convert it first: "
            f"residual convert {path}"
        )
    if (path / "saved_model.pb").is_file():
        return (
            f"{path} is a SavedModel folder, which is no run and no .keras file. Save its model as model.h5 in the "
            "program that wrote it, then convert that: residual convert model.h5"
        )
    return ""


def _describe_runs() -> str:
    """The names of the newest runs, for a message."""
    files = sorted(ROOT.glob("*/run.toml"), key=lambda file: file.stat().st_mtime, reverse=True)
    if not files:
        return " There are no runs here yet: residual train."
    more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
    return f" Runs here: {', '.join(sorted(file.parent.name for file in files[:_NAMED]))}{more}."
