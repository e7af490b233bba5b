"""residual runs, runs compare."""

from pathlib import Path

import typer

from residual.cli._shared import JSON, console, print_json, verb

_HELP = """List the runs, newest first: epochs, accuracy on validation and test images, state.

residual runs compare A B says what differed between runs and whether their difference is more than chance."""
_ENDLESS = 10_000  # columns
_IN = typer.Option(Path("runs"), "--in", metavar="FOLDER", help="Folder of the runs.")


def add_to(app: typer.Typer) -> None:
    """Register the verbs of this room."""
    room = typer.Typer(invoke_without_command=True, context_settings=app.info.context_settings)
    room.callback(help=_HELP, epilog="Example: residual runs --in experiments")(list_runs)
    room.command("compare", epilog="Example: residual runs compare first-try second-try")(compare)
    app.add_typer(room, name="runs")


@verb
def list_runs(context: typer.Context, folder: Path = _IN, as_json: bool = JSON):
    context.obj = folder
    if context.invoked_subcommand:
        return
    from residual.evaluation.runs_table import print_runs
    from residual.training.listing import runs

    found = runs(folder)
    out, width = _page()
    if as_json:
        print_json([run.to_dict() for run in found])
    elif found:
        print_runs(found, out, width=width)
    else:
        out.print(
            f"There are no runs in {folder} yet. Train one: residual train", markup=False, highlight=False
        )


@verb
def compare(
    context: typer.Context,
    names: list[str] = typer.Argument(
        ..., metavar="RUN...", help="Two or more, by name or folder; each is compared with the first."
    ),
    as_json: bool = JSON,
):
    """Say what differed between runs, and what it did to their accuracy."""
    from residual.evaluation.comparison import compare as compared
    from residual.evaluation.comparison_text import print_comparison

    found = compared(*names, folder=context.obj)
    if as_json:
        print_json(found.to_dict())
    else:
        out, width = _page()
        print_comparison(found, out, width=width)


def _page():
    """A console on standard output and its columns; None for a pipe, which has no width of its own."""
    out = console()
    if out.is_terminal:
        return out, out.width
    out.width = _ENDLESS
    return out, None
