"""The run folder: what was asked, what happened, and the network that came of it.

runs/signs-course-resnet50-1/
    run.toml         what was asked: data, network, recipe, seed, versions, machine
    log.csv          one row per epoch
    checkpoints/     the last two states of a training that has not ended
    model.keras      the network, opens in plain Keras
    report.json      what came of it
    curves.png, confusion.png
"""

import csv
import json
import re
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock
import tomli_w

from residual._atomic import write_text
from residual.errors import RunError

ROOT = Path("runs")
RESUMABLE = ("interrupted", "stopped")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FROM_DATA = ("unreadable", "resumed")  # what a report keeps when its training goes on


class RunFolder:
    """One run's folder. Every file is written whole or not at all.

    Args:
        path: the folder.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)

    @property
    def model(self) -> Path:
        """The trained network."""
        return self.path / "model.keras"

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def asked(self) -> dict:
        """What run.toml says; RunError where it is missing or damaged."""
        try:
            return tomllib.loads((self.path / "run.toml").read_text("utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(f"{self.path} is not a readable run folder: {error}.") from None

    @property
    def data(self) -> dict:
        """What run.toml says of the images; RunError where it does not say it."""
        data = self.asked.get("data")
        needed = {"asked", "source", "classes", "test_fingerprint"}
        if not isinstance(data, dict) or not needed <= set(data) or not isinstance(data["classes"], list):
            raise RunError(
                f"{self.path / 'run.toml'} must have a table [data] with {', '.join(sorted(needed))}, as training "
                "writes it. Put it back, or name the model file itself."
            )
        return data

    @property
    def report(self) -> dict:
        """What report.json says so far."""
        try:
            report = json.loads((self.path / "report.json").read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(f"{self.path / 'report.json'} cannot be read: {error}.") from None
        if not isinstance(report, dict):
            raise RunError(f"{self.path / 'report.json'} must hold an object; got {type(report).__name__}.")
        return report

    @property
    def state(self) -> str:
        """How far the run is.

        "running" in another process or in this one, "finished", "stopped" by Ctrl-C, "failed" by a loss that was no
        number or for want of memory, or "interrupted" by whatever killed it.
        """
        if self._is_claimed():
            return "running"
        report = self.report
        if "failure" in report:
            return "failed"
        if "weights_sha256" not in report:
            return "interrupted"
        return "stopped" if report["interrupted"] else "finished"

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Hold the run as its only writer; the system lets go of it when the process ends, however it ends.

        Raises:
            RunError: when another process holds it.
        """
        try:
            with filelock.FileLock(self._lock, timeout=1.0):  # whoever only looks lets go at once
                yield
        except filelock.Timeout:
            raise RunError(
                f"{self.path} is being trained by another process. Wait for it, or choose another `name`."
            ) from None

    @property
    def _lock(self) -> Path:
        return self.path / ".lock"

    def _is_claimed(self) -> bool:
        if not self._lock.exists():
            return False
        try:
            with filelock.FileLock(self._lock, timeout=0):
                return False
        except filelock.Timeout:
            return True
        except OSError:  # not ours to write, so nobody's to train
            return False

    def write_asked(self, asked: dict) -> None:
        """Write run.toml."""
        write_text(self.path / "run.toml", tomli_w.dumps(asked))

    def add_to_report(self, **values) -> None:
        """Add or replace values in report.json."""
        report = {**self.report, **values}
        write_text(self.path / "report.json", json.dumps(report, indent=1) + "\n")

    def reopen(self, step: int) -> None:
        """Take back from report.json what an end wrote there, and note that the training goes on from a step."""
        kept = {name: value for name, value in self.report.items() if name in _FROM_DATA}
        resumed = [*kept.get("resumed", ()), {"at": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "step": step}]
        write_text(self.path / "report.json", json.dumps({**kept, "resumed": resumed}, indent=1) + "\n")
        for leftover in self.path.glob(".*-????????.*"):  # of a writing that was killed
            leftover.unlink()

    def discard(self) -> None:
        """Take away what was written for a training that did not begin; the folder too, if nothing else is in it."""
        for name in ("run.toml", "report.json", self._lock.name):
            (self.path / name).unlink(missing_ok=True)
        with suppress(OSError):
            self.path.rmdir()

    def write_log(self, rows: list[dict]) -> None:
        """Write log.csv: a row per epoch."""
        text = _Lines()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.path / "log.csv", "".join(text))

    def log_rows(self) -> list[dict]:
        """The rows of log.csv as numbers; [] before the first epoch has ended.

        Raises:
            RunError: when the file is damaged.
        """
        path = self.path / "log.csv"
        try:
            with path.open(newline="", encoding="utf-8") as file:
                return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
        except FileNotFoundError:
            return []
        except (
            OSError,
            ValueError,
            TypeError,
            csv.Error,
        ) as error:  # no text, no number, a row too short or long
            raise RunError(
                f"{path} cannot be read: {error}. It must have a number in every column."
            ) from None


class _Lines(list):
    write = list.append


def new_run(name: str | None, stem: str, root: Path = ROOT) -> RunFolder:
    """Make the folder of a new run.

    Args:
        name: what the user calls it; None counts up from `stem`: stem-1, stem-2, ...
        stem: such as "signs-course-resnet50".
        root: the folder of all runs.

    Raises:
        RunError: when the name is taken or is not a plain name, or the folder cannot be made.
    """
    check_name(name, root)
    try:
        if name is not None:
            if (root / name).is_dir() and not any((root / name).iterdir()):
                return RunFolder(root / name)
            (root / name).mkdir(parents=True)
            return RunFolder(root / name)
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.") or "run"
        for number in range(1, 100_000):
            path = root / f"{stem}-{number}"
            if not path.exists():
                path.mkdir(parents=True)
                return RunFolder(path)
    except FileExistsError:
        raise _taken(root / (name or stem)) from None
    except OSError as error:
        raise RunError(f"The folder for the run cannot be made in {root}: {error.strerror}.") from None
    raise RunError(f"{root} is full of runs called {stem}.")


def check_name(name: str | None, root: Path = ROOT) -> None:
    """Refuse a name that no new run can have, and that names no run to resume.

    Raises:
        RunError: if it is not a plain name, or is taken.
    """
    if name is None:
        return
    if not _PLAIN.fullmatch(name) or name.endswith(".keras"):
        raise RunError(
            f"name must be made of letters, digits, '.', '_' and '-', such as first-try; got {name!r}."
        )
    before, path = existing_run(name, root), root / name
    if before is not None and before.state in RESUMABLE:
        return
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise _taken(path)


def _taken(path: Path) -> RunError:
    return RunError(f"{path} exists already. Choose another `name`, or remove it.")


def existing_run(name: str | None, root: Path = ROOT) -> RunFolder | None:
    """The run of that plain name, or None."""
    if name is None or not _PLAIN.fullmatch(name) or not (root / name / "run.toml").is_file():
        return None
    return RunFolder(root / name)


def find_run(name: str | Path) -> RunFolder:
    """An existing run by its path, or by its name in ./runs.

    Raises:
        RunError: when there is none; the message lists those that there are.
    """
    for path in (Path(name), ROOT / str(name)):
        if (path / "run.toml").is_file():
            return RunFolder(path)
    known = sorted(path.parent.name for path in ROOT.glob("*/run.toml"))
    listed = (
        f" Runs here: {', '.join(known[-8:])}." if known else " There are no runs here yet: residual train."
    )
    raise RunError(f"There is no run or model {str(name)!r}.{listed}")
