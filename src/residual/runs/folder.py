"""The run folder: what was asked, what happened, and the network that came out.

runs/signs-course-resnet50-1/
    run.toml         what was asked: data, network, recipe, seed, versions, machine
    log.csv          one row per epoch
    checkpoints/     the last two states of a training that has not ended
    model.keras      the network, opens in plain Keras
    engine.onnx      the same network, for predictions without Keras; its card beside it
    report.json      the results
    report.html      the same for people, with curves and images
    curves.png, confusion.png
    training_digests.npy  by which images that it was trained on are known again
    trust.npz        by which its predictions are judged sure, unsure or unknown
"""

import csv
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock
import msgspec

from residual._atomic import write_text
from residual.errors import RunError
from residual.runs.record import RunRecord, parse_record

ROOT = Path("runs")
RESUMABLE = ("interrupted", "stopped")
_FROM_DATA = (
    "unreadable",
    "notes",
    "passed_over",
    "resumed",
)  # what a report keeps when its training is resumed
_AT_THE_END = ("curves.png", "test_predictions.csv", "confusion.png")


class RunFolder:
    """One run's folder. Every file is written whole or not at all.

    Args:
        path: the folder.

    Attributes:
        writes: whether this process writes it; of several processes that train together one does.
    """

    writes = True

    def __init__(self, path: str | Path):
        self.path = Path(path)

    @property
    def model(self) -> Path:
        """The trained network."""
        return self.path / "model.keras"

    @property
    def engine(self) -> Path:
        """The trained network as an exported file, which predicts without Keras."""
        return self.path / "engine.onnx"

    @property
    def start(self) -> Path:
        """The Keras model that the training begins with, if one was given; removed when the training has finished."""
        return self.path / "start.keras"

    @property
    def wants_engine(self) -> bool:
        """Whether the training was asked to write an engine."""
        return self.record.train.get("engine", True)

    @property
    def wants_report(self) -> bool:
        """Whether the training was asked to write report.html."""
        return self.record.train.get("report", True)

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def training_digests(self) -> Path:
        """The digests of the images that the network is trained and selected on, 16 bytes each."""
        return self.path / "training_digests.npy"

    @property
    def record(self) -> RunRecord:
        """What run.toml says.

        Raises:
            RunError: if it is missing, damaged or not whole.
        """
        path = self.path / "run.toml"
        try:
            return parse_record(path.read_text("utf-8"))
        except RunError as error:
            raise RunError(
                f"{path} is incomplete or damaged: {error}. Restore it, or name the model file itself."
            ) from None
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(f"{self.path} is not a readable run folder: {error}.") from None

    def write_record(self, record: RunRecord) -> None:
        """Write run.toml."""
        write_text(self.path / "run.toml", record.to_toml())

    def change_record(self, **changes) -> None:
        """Replace fields of the record in run.toml."""
        self.write_record(msgspec.structs.replace(self.record, **changes))

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

        "running" in this process or another, "finished", "stopped" by Ctrl-C, "failed" if the loss was not finite or
        memory ran out, or "interrupted" by whatever killed it.
        """
        if self._is_claimed():
            return "running"
        report = self.report
        if "failure" in report:
            return "failed"
        if "weights_sha256" not in report:
            return "interrupted"
        return "stopped" if report["interrupted"] else "finished"

    def check_model(self) -> None:
        """Raise if there is no network yet.

        Raises:
            RunError: saying how far the training is, and what to do.
        """
        if self.model.is_file():
            return
        resume = (
            f"its training was interrupted. Finish it with residual train --resume {name_run(self.path)}."
        )
        reasons = {
            "running": "it is being trained. Wait for it.",
            "failed": f"its training failed. {self.report.get('failure', '')}",
            "interrupted": resume,
        }
        reason = reasons.get(self.state, "the file was removed. Put it back, or train again.")
        raise RunError(f"{self.path} has no model.keras: {reason}")

    def find_missing(self) -> list[str]:
        """What the end of a finished training has not written yet, such as "the test scores"."""
        expected = _AT_THE_END if (self.path / "log.csv").is_file() else _AT_THE_END[1:]
        missing = [name for name in expected if not (self.path / name).is_file()]
        return [*missing, *([] if "test" in self.report else ["the test scores"])]

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Hold the run as its only writer; the system releases it when the process ends, however it ends.

        Raises:
            RunError: if another process holds it.
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
        except OSError:  # a folder that this user may not write is not being trained
            return False

    def add_to_report(self, **values) -> None:
        """Add or replace values in report.json."""
        report = {**self.report, **values}
        write_text(self.path / "report.json", json.dumps(report, indent=1) + "\n")

    def reopen(self, step: int) -> None:
        """Remove from report.json what the end of a training wrote, and note that it is resumed from a step."""
        kept = {name: value for name, value in self.report.items() if name in _FROM_DATA}
        resumed = [*kept.get("resumed", ()), {"at": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "step": step}]
        write_text(self.path / "report.json", json.dumps({**kept, "resumed": resumed}, indent=1) + "\n")
        for leftover in self.path.glob(".*-????????.*"):  # of a writing that was killed
            leftover.unlink()

    def discard(self) -> None:
        """Remove what was written for a training that did not begin; the folder too, if nothing else is in it."""
        for name in ("run.toml", "report.json", self.training_digests.name, self.start.name):
            (self.path / name).unlink(missing_ok=True)
        with suppress(OSError):  # Windows keeps a lock that is held; a folder with nothing else is free
            self._lock.unlink(missing_ok=True)
            self.path.rmdir()

    def write_log(self, rows: list[dict]) -> None:
        """Write log.csv: a row per epoch; what a row lacks that others have is nan."""
        text = _Lines()
        names = dict.fromkeys(name for row in rows for name in row)
        writer = csv.DictWriter(text, list(names), restval="nan", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.path / "log.csv", "".join(text))

    def log_rows(self) -> list[dict]:
        """The rows of log.csv as numbers; [] before the first epoch has ended.

        Raises:
            RunError: if the file is damaged.
        """
        path = self.path / "log.csv"
        try:
            with path.open(newline="", encoding="utf-8") as file:
                return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, csv.Error) as error:  # a row may be too short or long
            raise RunError(
                f"{path} cannot be read: {error}. It must have a number in every column."
            ) from None


class FollowedFolder(RunFolder):
    """A run folder that another process writes: what this one would write of record and report is kept in memory.

    Args:
        record: of the run.
    """

    writes = False

    def __init__(self, record: RunRecord):
        super().__init__("the run folder of process 0")
        self._record, self._report = record, {}

    @property
    def record(self) -> RunRecord:
        return self._record

    def write_record(self, record: RunRecord) -> None:
        self._record = record

    @property
    def report(self) -> dict:
        return self._report

    def add_to_report(self, **values) -> None:
        self._report = {**self._report, **values}

    def write_log(self, rows: list[dict]) -> None:
        pass


class _Lines(list):
    write = list.append


def name_run(path: Path) -> str:
    """What finds a run: its name if it is in ./runs, elsewhere its path."""
    return path.name if path.parent == ROOT else str(path)
