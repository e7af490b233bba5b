"""The list of runs for people: a line for each, and below it what can be done about some of them."""

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from residual._console import make_safe
from residual._text import format_clock, format_percent, truncate_middle
from residual.runs.folder import name_run

if TYPE_CHECKING:
    from rich.console import Console

    from residual.runs.history import RunEntry

GAP = 2
LEAST_NAME, MOST_NAME = 12, 28  # columns of a run's name if the width is limited
MOST_NOTES = 8
STYLES = {
    "running": "cyan",
    "stopped": "yellow",
    "interrupted": "yellow",
    "failed": "red",
    "unreadable": "red",
}


def print_runs(runs: Sequence["RunEntry"], console: "Console", *, width: int | None = None) -> None:
    """Print the runs as a table in plain columns, then a line on each that needs one.

    If `width` does not hold all columns, some are left out: first those that the names of the runs say already, then
    recipe, data, time, model and the validation accuracy. The line that begins with "not shown" says which.

    Args:
        runs: from `history.list_runs`.
        console: where to print.
        width: columns; None if nothing limits them, as in a pipe.
    """
    from rich.table import Table
    from rich.text import Text

    columns = {heading: [make_safe(console, cell(run)) for run in runs] for heading, cell in COLUMNS.items()}
    kept = _choose_columns(columns, width)
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    for heading in kept:
        table.add_column(heading, justify="right" if heading in RIGHT else "left", no_wrap=True)
    for place, run in enumerate(runs):
        cells = (kept[heading][place] for heading in kept)
        table.add_row(
            *(Text(text, style=STYLES.get(text, "")) if text == run.state else Text(text) for text in cells)
        )
    console.print(table, width=_width(kept))
    hidden = [heading for heading in columns if heading not in kept]
    notes = _format_notes(runs, hidden)
    for note in ["", *notes] if notes else []:
        console.print(note, highlight=False, soft_wrap=True, markup=False)


def _format_validation(run: "RunEntry") -> str:
    if run.validation is None or not run.validation_images:
        return "-"
    return format_percent(run.validation, run.validation_images)


def _format_test(run: "RunEntry") -> str:
    if run.test is None or run.test_interval is None or not run.test_images:
        return "-"
    low, high = (format_percent(end, run.test_images).rstrip("%") for end in run.test_interval)
    return f"{format_percent(run.test, run.test_images)} ({low}-{high})"


def _format_epochs(run: "RunEntry") -> str:
    return "-" if run.epochs is None else f"{run.epochs:.4g}/{run.epochs_asked}"


COLUMNS: dict[str, Callable[["RunEntry"], str]] = {
    "run": lambda run: truncate_middle(run.name, 200),
    "data": lambda run: truncate_middle(run.data or "-", 30),
    "model": lambda run: run.model or "-",
    "recipe": lambda run: run.recipe or "-",
    "epochs": _format_epochs,
    "valid.": _format_validation,
    "test (95%)": _format_test,
    "time": lambda run: "-" if run.seconds is None else format_clock(run.seconds),
    "state": lambda run: run.state,
}
ALWAYS = ("run", "epochs", "test (95%)", "state")
WISHED = ("valid.", "model", "time", "data", "recipe")  # most wished first
RIGHT = ("epochs", "valid.", "time")


def _choose_columns(columns: dict[str, list[str]], width: int | None) -> dict[str, list[str]]:
    """The columns that fit, the names of the runs shortened if that helps."""
    if width is None:
        return columns
    names = columns["run"]
    shown = {**columns, "run": [truncate_middle(name, MOST_NAME) for name in names]}
    repeated = [heading for heading in WISHED if _is_in_names(columns[heading], names)]
    kept: set[str] = set(ALWAYS)
    for heading in (*(heading for heading in WISHED if heading not in repeated), *repeated):
        if _width(_only(shown, kept | {heading})) <= width:
            kept.add(heading)
    longest = max(map(len, shown["run"]))
    room = max(LEAST_NAME, longest - max(0, _width(_only(shown, kept)) - width))
    return _only({**shown, "run": [truncate_middle(name, room) for name in shown["run"]]}, kept)


def _only(columns: dict[str, list[str]], headings: Collection[str]) -> dict[str, list[str]]:
    return {heading: cells for heading, cells in columns.items() if heading in headings}


def _is_in_names(values: list[str], names: list[str]) -> bool:
    """Whether the name of every run holds its value."""
    return all(value in name or value == "-" for value, name in zip(values, names, strict=True))


def _width(columns: dict[str, list[str]]) -> int:
    from rich.cells import cell_len

    widths = [max(map(cell_len, (heading, *cells))) for heading, cells in columns.items()]
    return sum(widths) + GAP * (len(widths) - 1)


def _format_notes(runs: Sequence["RunEntry"], hidden: list[str]) -> list[str]:
    notes = [note for run in runs if (note := _format_note(run))]
    more = len(notes) - MOST_NOTES
    lines = notes[:MOST_NOTES] + (
        [f"... and {more} more; residual runs --json has them all"] if more > 0 else []
    )
    evaluated = [run for run in runs if run.test is not None]
    alike = [name_run(run.path) for run in evaluated if run.data == evaluated[0].data]
    if len(alike) > 1:
        lines.append(f"compare    residual runs compare {alike[1]} {alike[0]}")
    return lines + ([f"not shown  {', '.join(hidden)}; the terminal is too narrow"] if hidden else [])


def _format_note(run: "RunEntry") -> str:
    """What to know or to type about one run; "" if its line says everything."""
    if run.state == "unreadable":
        return f"unreadable {run.problem}"
    if run.state == "failed":
        return f"failed     {run.name}: {run.problem}"
    if run.replaced:
        return f"replaced   {run.name}: model.keras is not the network that its report is about"
    if run.state in ("stopped", "interrupted") and run.can_resume:
        return f"resume     residual train --resume {name_run(run.path)}"
    if run.state == "interrupted":
        return f"resume     residual train --resume {name_run(run.path)} (from the beginning: no checkpoint was kept)"
    if run.state == "running":
        return f"running    {run.name}; if it is interrupted: residual train --resume {name_run(run.path)}"
    return "" if run.test is not None else f"evaluate   residual evaluate {name_run(run.path)}"
