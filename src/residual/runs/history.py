"""The runs of a folder as small values, read from their run.toml, log.csv and report.json.

No array library is imported: a list of fifty runs answers at once.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Any

from residual._console import preformat_html, render_text
from residual.errors import RunError
from residual.runs.folder import ROOT, RunFolder
from residual.runs.record import RunRecord


@dataclass(frozen=True)
class RunEntry:
    """One run of the list. What it has not reached yet is None.

    Attributes:
        name: of its folder.
        path: of its folder.
        state: "running", "finished", "stopped", "interrupted" or "failed"; "unreadable" if a file is damaged.
        started: date and time.
        data: what it was trained on, a short name.
        model: name of the network.
        recipe: name of the recipe.
        epochs: trained so far; with a fraction if Ctrl-C ended one.
        epochs_asked: that it was to train.
        validation: accuracy on the validation images, 0 to 1; while it runs that of the last epoch.
        validation_images: how many there are.
        test: accuracy on the test images, 0 to 1.
        test_interval: its 95% interval, (low, high).
        test_images: how many there are.
        seconds: of training.
        can_resume: whether there is a checkpoint to resume from.
        replaced: whether model.keras is another file than the one that the report is about.
        problem: why it failed or cannot be read; "" otherwise.
    """

    name: str
    path: Path
    state: str
    started: datetime | None = None
    data: str | None = None
    model: str | None = None
    recipe: str | None = None
    epochs: float | None = None
    epochs_asked: int | None = None
    validation: float | None = None
    validation_images: int | None = None
    test: float | None = None
    test_interval: tuple[float, float] | None = None
    test_images: int | None = None
    seconds: float | None = None
    can_resume: bool = False
    replaced: bool = False
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        started = self.started.isoformat() if self.started else None
        return {**asdict(self), "path": str(self.path), "started": started}


class RunList(list[RunEntry]):
    """Runs, newest first. `print` and a notebook show them as a table."""

    def __str__(self) -> str:
        from residual.runs.table import print_runs

        return render_text(lambda console: print_runs(self, console)) if self else "no runs"

    def __repr__(self) -> str:
        names = ", ".join(run.name for run in self[:5])
        return f"RunList of {len(self)} runs: {names}{', ...' if len(self) > 5 else ''}"

    def _repr_html_(self) -> str:
        return preformat_html(str(self))


def list_runs(folder: str | Path = ROOT) -> RunList:
    """The runs of a folder, newest first; those that cannot be read come last.

    Args:
        folder: holds the folders of the runs. One that does not exist holds none.

    Raises:
        RunError: if it is not a folder, or may not be read.
    """
    root = Path(folder)
    try:
        found = [read_entry(path) for path in sorted(root.iterdir()) if _is_run(path)]
    except FileNotFoundError:
        return RunList()
    except OSError as error:
        raise RunError(
            f"The runs in {root} cannot be listed: {error.strerror}. Name a folder of runs."
        ) from None
    return RunList(
        sorted(found, key=lambda run: run.started.timestamp() if run.started else 0.0, reverse=True)
    )


def _is_run(path: Path) -> bool:
    try:
        return (path / "run.toml").is_file()
    except OSError:  # a folder that may not be entered is listed as unreadable, not hidden
        return path.is_dir()


def read_entry(path: Path) -> RunEntry:
    """What is known of one run; its files may be damaged."""
    folder = RunFolder(path)
    try:
        record, report = folder.record, folder.report
        with name_damage(path / "run.toml"):
            asked = _summarize_record(record)
        with name_damage(path / "log.csv"):
            rows = folder.log_rows()
            trained = _summarize_log(rows)
        with name_damage(path / "report.json"):
            state = folder.state
            results = _summarize_report(report, len(rows), state == "running")
            more = {"can_resume": any(folder.checkpoints.glob("*")), "replaced": _is_replaced(folder, report)}
        return RunEntry(path.name, path, state, **{**asked, **trained, **results, **more})
    except RunError as error:
        return RunEntry(path.name, path, "unreadable", problem=str(error))


@contextmanager
def name_damage(file: Path) -> Iterator[None]:
    """Turn what goes wrong with a damaged file of a run into a RunError that names it."""
    try:
        yield
    except RunError:  # names the file itself
        raise
    except KeyError as error:
        raise RunError(f"{file} lacks {error.args[0]!r}.") from None
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        raise RunError(f"{file} holds what no run writes: {error}.") from None
    except OSError as error:
        raise RunError(f"{file} cannot be read: {error.strerror}.") from None


def _summarize_record(record: RunRecord) -> dict[str, Any]:
    return {
        "started": datetime.fromisoformat(record.started),
        "data": shorten_data_name(record.train["data"]),
        "model": record.network.name,
        "recipe": str(record.recipe["name"]),
        "epochs_asked": int(record.recipe["epochs"]),
        "validation_images": record.data.validation_images,
    }


def _summarize_log(rows: list[dict]) -> dict[str, Any]:
    if not rows:
        return {"epochs": 0.0}
    seconds = sum(row["seconds"] for row in rows)
    return {"epochs": float(len(rows)), "validation": rows[-1]["val_accuracy"], "seconds": seconds}


def _summarize_report(report: dict, epochs: int, running: bool) -> dict[str, Any]:
    """The results, unless the run was resumed since and log.csv has more epochs than they are about."""
    values: dict[str, Any] = {"problem": str(report.get("failure", ""))}
    if running or "validation" not in report or epochs > ceil(report["epochs"]):
        return values
    values["validation"] = float(report["validation"]["accuracy"])
    values["epochs"], values["seconds"] = float(report["epochs"]), float(report["training_seconds"])
    if test := report.get("test"):
        low, high = test["interval"]
        values["test"], values["test_images"] = float(test["accuracy"]), int(test["n"])
        values["test_interval"] = float(low), float(high)
    return values


def _is_replaced(folder: RunFolder, report: dict) -> bool:
    """Whether model.keras is not the file that the report is about. Only a file that is newer is read and hashed."""
    expected = report.get("model_sha256")
    if expected is None or not folder.model.is_file():
        return False
    if folder.model.stat().st_mtime <= (folder.path / "report.json").stat().st_mtime:
        return False
    return hash_file(folder.model) != expected


def hash_file(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def shorten_data_name(data: str) -> str:
    """What a run calls its data, without the folders above it."""
    place, mark, rest = data.partition("::")
    return (place if place.startswith("hf://") else Path(place).name) + mark + rest
