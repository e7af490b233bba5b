"""The runs of a folder as small values, read from their run.toml, log.csv and report.json.

No array library is imported: a list of fifty runs answers at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Any

from residual.errors import RunError
from residual.runs.folder import ROOT, RunFolder


@dataclass(frozen=True)
class Listed:
    """One run of the list. What it has not reached yet is None.

    Attributes:
        name: of its folder.
        path: of its folder.
        state: "running", "finished", "stopped", "interrupted" or "failed"; "unreadable" where a file is damaged.
        started: date and time.
        data: what it was trained on, a short name.
        model: name of the network.
        recipe: name of the recipe.
        epochs: trained so far; with a fraction where Ctrl-C ended one.
        epochs_asked: that it was to train.
        validation: accuracy on the validation images, 0 to 1; while it runs that of the last epoch.
        validation_images: how many there are.
        test: accuracy on the test images, 0 to 1.
        test_interval: its 95% interval, (low, high).
        test_images: how many there are.
        seconds: of training.
        can_resume: whether `residual train --resume` has a checkpoint to go on from.
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
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        started = self.started.isoformat() if self.started else None
        return {**asdict(self), "path": str(self.path), "started": started}


def runs(folder: str | Path = ROOT) -> list[Listed]:
    """The runs of a folder, newest first; those that cannot be read come last.

    Args:
        folder: holds the folders of the runs. One that is not there holds none.

    Raises:
        RunError: when it is no folder, or may not be read.
    """
    root = Path(folder)
    try:
        found = [listed(path) for path in sorted(root.iterdir()) if _is_run(path)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(
            f"The runs in {root} cannot be listed: {error.strerror}. Name a folder of runs."
        ) from None
    return sorted(found, key=lambda run: run.started.timestamp() if run.started else 0.0, reverse=True)


def _is_run(path: Path) -> bool:
    try:
        return (path / "run.toml").is_file()
    except OSError:  # a folder that may not be entered: to be told, not hidden
        return path.is_dir()


def listed(path: Path) -> Listed:
    """What is known of one run; its files may be damaged."""
    folder = RunFolder(path)
    try:
        asked, report = folder.asked, folder.report
        with reading(path / "run.toml"):
            wanted = _wanted(asked)
        with reading(path / "log.csv"):
            rows = folder.log_rows()
            trained = _trained(rows)
        with reading(path / "report.json"):
            state = folder.state
            came = _came(report, len(rows), state == "running")
        return Listed(path.name, path, state, **{**wanted, **trained, **came, **_resumable(path)})
    except RunError as error:
        return Listed(path.name, path, "unreadable", problem=str(error))


@contextmanager
def reading(file: Path) -> Iterator[None]:
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


def _wanted(asked: dict) -> dict[str, Any]:
    """From run.toml."""
    return {
        "started": datetime.fromisoformat(asked["started"]),
        "data": short_name(asked["data"]["asked"]),
        "model": str(asked["network"]["name"]),
        "recipe": str(asked["recipe"]["name"]),
        "epochs_asked": int(asked["recipe"]["epochs"]),
        "validation_images": int(asked["data"]["validation_images"]),
    }


def _trained(rows: list[dict]) -> dict[str, Any]:
    """From log.csv."""
    if not rows:
        return {"epochs": 0.0}
    seconds = sum(row["seconds"] for row in rows)
    return {"epochs": float(len(rows)), "validation": rows[-1]["val_accuracy"], "seconds": seconds}


def _came(report: dict, epochs: int, running: bool) -> dict[str, Any]:
    """From report.json, where log.csv with its `epochs` has not gone further since: resumed after it was written."""
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


def _resumable(path: Path) -> dict[str, bool]:
    return {"can_resume": any((path / "checkpoints").glob("*"))}


def short_name(data: str) -> str:
    """What a run calls its data, without the folders above it."""
    place, mark, rest = data.partition("::")
    return (place if place.startswith("hf://") else Path(place).name) + mark + rest
