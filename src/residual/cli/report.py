"""residual report: what a run did, on one page."""

import shlex
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from residual.backend.devices import check_device
from residual.cli._shared import DEVICE, JSON, complete_run, console, print_json, print_line

if TYPE_CHECKING:
    from residual.runs.record import RunRecord

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
    from residual._run import open_run
    from residual._text import format_bytes
    from residual._verbs.report import write_report

    found = open_run(run_name).on(device)
    command = format_command(found.path, found.folder.record, context)
    with show_work(out_console, "writing the report"):
        written = write_report(found, out, command)
    if as_json:
        print_json(written.to_dict())
    else:
        for note in written.notes:
            print_line(out_console, note)
        print_line(out_console, f"{written.path}  {format_bytes(written.size)}")
    if show:
        webbrowser.open(written.path.resolve().as_uri())


def format_command(path: Path, record: "RunRecord", context: Any) -> str | None:
    """The command that repeats a training; None if only Python can, because an argument has no option.

    Args:
        path: of the run.
        record: of the run.
        context: of the verb that runs.
    """
    from residual._verbs.report import list_repeated
    from residual.data.given import GIVEN

    train = context.find_root().command.commands["train"]
    options = {parameter.name: parameter.opts[-1] for parameter in train.params}
    values = {"recipe": path / "run.toml", **list_repeated(record)}
    if record.train["data"] == GIVEN or not set(values) <= set(options):
        return None
    words = [word for name, value in values.items() for word in (options[name], str(value))]
    return shlex.join(["residual", "train", record.train["data"], *words])
