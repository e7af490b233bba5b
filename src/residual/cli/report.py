"""residual report: what a run did, on one page."""

import webbrowser
from pathlib import Path

import typer

from residual.backend.devices import check_device
from residual.cli._repeat import make_format_command
from residual.cli._shared import DEVICE, JSON, complete_run, console, print_json, print_line

EXAMPLE = "residual report first-try --open"


def run(
    context: typer.Context,
    run_name: str = typer.Argument(
        ..., metavar="RUN", help="Name or folder of a run.", autocompletion=complete_run
    ),
    out: Path = typer.Option(
        None, metavar="FILE", help="The page; report.html in the run folder if none is given."
    ),
    show: bool = typer.Option(False, "--open", help="Show the page in the browser."),
    device: str = DEVICE,
    as_json: bool = JSON,
):
    """Write a run's report: one HTML page with curves, scores, confusions, the surest mistakes with heat maps, leaks,
    times, and the command that repeats the training.

    The page needs no other file and no network. Test images are shown only if the run has been evaluated on them.
    """
    out_console = console(for_json=as_json)
    check_device(device)
    from residual._console import show_work
    from residual._open import open_run
    from residual._text import format_bytes
    from residual._verbs.report import write_report

    found = open_run(run_name).on(device)
    with show_work(out_console, "writing the report"):
        written = write_report(found, out, make_format_command(context))
    if as_json:
        print_json(written.to_dict())
    else:
        for note in written.notes:
            print_line(out_console, note)
        print_line(out_console, f"{written.path}  {format_bytes(written.size)}")
    if show:
        webbrowser.open(written.path.resolve().as_uri())
