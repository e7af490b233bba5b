"""residual runs compare: whether runs differ by more than chance."""

import typer

from residual.cli._shared import JSON, complete_run, print_json
from residual.cli.runs import make_page

EXAMPLE = "residual runs compare first-try second-try"


def run(
    context: typer.Context,
    names: list[str] = typer.Argument(
        ...,
        metavar="RUN...",
        help="Two or more runs or series, by name or folder; each is compared with the first.",
        autocompletion=complete_run,
    ),
    as_json: bool = JSON,
):
    """Show what differs between runs, and whether their accuracy differs by more than chance.

    Series of runs (residual train --seeds or --folds) are compared by the means of their runs.
    """
    from residual.evaluation.compare import Comparison, compare_runs

    found = compare_runs(*names, folder=context.obj)
    if as_json:
        print_json(found.to_dict())
    else:
        out, width = make_page()
        if isinstance(found, Comparison):
            from residual.evaluation.compare_text import print_comparison

            print_comparison(found, out, width=width)
        else:
            from residual.evaluation.series_text import print_series_comparison

            print_series_comparison(found, out)
