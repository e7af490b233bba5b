"""The command `residual`: one thin command per verb.

Nothing heavy is imported before a verb runs, so that `residual --help` answers at once.
"""

import typer

from residual.cli import check, data, runs, summary, train
from residual.cli._shared import print_version

app = typer.Typer(
    name="residual",
    help="Residual networks that train honestly on the machine you have.",
    epilog="Start with: residual train",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=print_version, is_eager=True, help="Show it."),
):
    """Residual networks that train honestly on the machine you have."""


for room in (train, runs, data, summary, check):
    room.add_to(app)


def main() -> None:
    """Entry point of the command."""
    app()
