"""The report of a run, written when it is asked for."""

from pathlib import Path
from typing import TYPE_CHECKING

from residual._open import open_run
from residual._run import Run
from residual.backend.devices import use_device

if TYPE_CHECKING:
    from residual.reporting.repeat import FormatCommand
    from residual.reporting.write import WrittenReport


def write_report(
    run: Run | str | Path, out: str | Path | None = None, format_command: "FormatCommand | None" = None
) -> "WrittenReport":
    """Write the report of a run: one HTML page that needs nothing else.

    Test images are shown only if the run has been evaluated on them. If the data or the network cannot be had, the page
    is written without them and says so.

    Args:
        run: a run, its name or its folder.
        out: an .html file; None for report.html in the run folder. Only a report is replaced.
        format_command: from the folder and the record of the run to the command that repeats its training; None for the
            call in Python.

    Raises:
        OSError: if the page cannot be written.
        RunError: if there is no such run, `out` is something else, or a file of the run is damaged.
    """
    from residual.reporting.page import NAME
    from residual.reporting.write import write_page

    run = open_run(run) if not isinstance(run, Run) else run
    with use_device(run.device):
        return write_page(run, run.path / NAME if out is None else Path(out), format_command)
