"""residual runs: the list of runs."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from residual.cli._shared import JSON, console, print_json, print_line
from residual.errors import RunError

if TYPE_CHECKING:
    from residual._text_console import TextConsole

EXAMPLE = "residual runs --in experiments"

_ROOT = Path("runs")
_ENDLESS = 10_000  # columns


def run(
    context: typer.Context,
    folder: Path = typer.Option(_ROOT, "--in", metavar="FOLDER", help="Folder of the runs."),
    as_json: bool = JSON,
):
    """List the runs, newest first: epochs, accuracy on validation and test images, state.

    residual runs compare A B shows what differs between runs, and whether their accuracies differ by more than chance.
    """
    context.obj = folder
    if folder != _ROOT and not folder.exists():
        raise RunError(
            f"There is no folder {folder} of runs. Name one with --in, or leave it out for ./{_ROOT}."
        )
    if context.invoked_subcommand:
        return
    from residual.runs.history import list_runs
    from residual.runs.table import print_runs

    found = list_runs(folder)
    if as_json:
        print_json([entry.to_dict() for entry in found])
        return
    out, width = make_page()
    if found:
        print_runs(found, out, width=width)
    else:
        advice = " yet. Train one: residual train" if folder == _ROOT else "."
        print_line(out, f"There are no runs in {folder}{advice}")


def make_page() -> tuple["TextConsole", int | None]:
    """A console on standard output and its columns; None for a pipe, which has no width of its own."""
    out = console()
    if out.is_terminal:
        return out, out.width
    out.width = _ENDLESS
    return out, None
