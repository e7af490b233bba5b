"""What stands on the live page of a training, from the run's own files."""

import time
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Any

from residual._text import format_percent
from residual.errors import ResidualError
from residual.reporting.curves import draw_curves
from residual.reporting.judged import JudgedRun
from residual.reporting.page import load_template, read_template
from residual.runs.folder import RunFolder

_RECENT = 5  # epochs whose median says how long the others take


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Attributes:
        done, total: epochs that have ended, and all.
        left: seconds to the end of the last epoch; None before the first has ended.
        state: "running", "finished", "stopped" or "failed".
    """

    done: int
    total: int
    left: float | None
    state: str

    @property
    def share(self) -> float:
        """Of the epochs that have ended, 0 to 1."""
        return self.done / self.total if self.total else 0.0


def format_state(folder: RunFolder | None) -> str:
    """The part of the page that changes, as HTML.

    Args:
        folder: of the run; None if it is not there yet.
    """
    return load_template("live_state.html.jinja").render(**_collect(folder))


def format_live_page(folder: RunFolder | None) -> str:
    """The whole page.

    Args:
        folder: as `format_state` takes it.
    """
    return load_template("live.html.jinja").render(**_collect(folder))


@cache
def read_asset(name: str) -> bytes:
    """A file that the page asks for: "live.js" or "live.css", which is that of reports and its own.

    Args:
        name: of the file.
    """
    text = read_template(name)
    return (read_template("report.css") + text if name == "live.css" else text).encode()


def measure_progress(epochs: int, rows: list[dict], report: dict[str, Any], since: float) -> Progress:
    """How far a training is.

    Args:
        epochs: that were asked for.
        rows: of log.csv.
        report: report.json.
        since: seconds since the last row was written.
    """
    state = "running"
    if "failure" in report:
        state = "failed"
    elif "weights_sha256" in report:
        state = "stopped" if report.get("interrupted") else "finished"
    left = None
    if rows and state == "running":
        each = median(row.get("seconds", 0.0) for row in rows[-_RECENT:])
        left = max(0.0, each * (epochs - len(rows)) - min(since, each))
    return Progress(len(rows), epochs, left, state)


def _collect(folder: RunFolder | None) -> dict[str, Any]:
    if folder is None:
        return {"run": None, "error": None}
    try:
        return _read(folder)
    except (ResidualError, OSError) as error:  # the folder was deleted, or a file is damaged
        return {"run": None, "error": str(error)}


def _read(folder: RunFolder) -> dict[str, Any]:
    rows, report, record = folder.log_rows(), folder.report, folder.record
    log = folder.path / "log.csv"
    since = time.time() - log.stat().st_mtime if rows else 0.0
    progress = measure_progress(record.recipe.get("epochs", 0), rows, report, since)
    run = JudgedRun(folder.path, progress.state, record, report, rows, "")
    return {
        "run": run,
        "record": record,
        "report": report,
        "error": None,
        "progress": progress,
        "charts": draw_curves(run),
        "figures": _list_figures(run),
    }


def _list_figures(run: JudgedRun) -> list[tuple[str, str]]:
    """(value, what it is) of the last epoch."""
    if not run.rows:
        return []
    last, found = run.rows[-1], []
    n = run.record.data.validation_images
    if "val_accuracy" in last:
        found.append((format_percent(last["val_accuracy"], n), f"validation accuracy, n = {n:,}"))
    if "val_loss" in last:
        found.append((f"{last['val_loss']:.3g}", "validation loss"))
    if last.get("seconds"):
        found.append((f"{run.record.data.train_images / last['seconds']:,.0f}", "images per second"))
    return found
