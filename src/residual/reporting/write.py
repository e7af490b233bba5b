"""The report of a run, written: when it is asked for, and at the end of a training."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from residual._atomic import write_text
from residual._text import first_line
from residual.errors import ResidualWarning, RunError
from residual.reporting.page import NAME, check_page, format_page
from residual.reporting.repeat import FormatCommand, format_call
from residual.runs.folder import name_run

if TYPE_CHECKING:
    import numpy as np

    from residual.reporting.gather import ReportedRun


@dataclass(frozen=True)
class WrittenReport:
    """A report that was written.

    Attributes:
        path: of the page.
        size: its bytes.
        test_images: that the run was judged on; None if it has not been.
        has_images: whether the page shows them.
        heat_maps: how many it has.
        notes: what it lacks and why, a sentence for each.
    """

    path: Path
    size: int
    test_images: int | None
    has_images: bool
    heat_maps: int
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**vars(self), "path": str(self.path), "notes": list(self.notes)}


def write_page(
    run: "ReportedRun",
    path: Path,
    format_command: FormatCommand | None = None,
    rows: "np.ndarray | None" = None,
) -> WrittenReport:
    """Write the report of a run.

    Args:
        run: the run.
        path: an .html file. Only a report is replaced.
        format_command: what repeats the training; None, or one that has no command, for the call in Python.
        rows: as `gather` takes them.

    Raises:
        OSError: if the page cannot be written.
        RunError: if `path` is something else, or a file of the run is damaged.
    """
    from jinja2 import TemplateError

    from residual.reporting.gather import gather

    check_page(path)
    folder = run.folder
    command = format_command(folder.path, folder.record) if format_command else None
    try:
        judged = gather(run, command or format_call(folder.path, folder.record), rows)
        page = format_page(judged)
    except (
        AttributeError,
        LookupError,
        TypeError,
        TemplateError,
    ) as error:  # values of other types than ours
        raise RunError(
            f"{folder.path} has no report: a value in its report.json, run.toml or log.csv is not one that a training "
            f"writes ({first_line(error)}). Put the files back."
        ) from error
    write_text(path, page)
    return WrittenReport(
        path,
        path.stat().st_size,
        None if judged.answers is None else len(judged.answers),
        judged.images is not None,
        len(judged.overlays),
        judged.notes,
    )


def keep_report(
    run: "ReportedRun", format_command: FormatCommand | None = None, rows: "np.ndarray | None" = None
) -> None:
    """Write report.html at the end of a training, which has all else on the disk already.

    Nothing that goes wrong here harms the run: a warning says why there is no report.

    Args:
        run, format_command, rows: as `write_page` takes them.
    """
    path = run.folder.path
    try:
        write_page(run, path / NAME, format_command, rows)
    except Exception as error:  # whatever it is, the run is as good without a page
        warnings.warn(
            f"No report is written: {first_line(error)} Write it later with residual report {name_run(path)}.",
            ResidualWarning,
            stacklevel=4,
        )
