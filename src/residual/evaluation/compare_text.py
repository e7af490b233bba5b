"""A comparison of runs for people: what differed, the results, and whether they differ by more than chance."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from residual._console import make_safe, print_row
from residual._text import format_clock, format_percent, truncate_middle
from residual.evaluation.compare import Comparison, RunResult, VersusFirst
from residual.evaluation.metrics import LEVEL, wilson_interval
from residual.evaluation.significance import Difference
from residual.evaluation.wording import value_in_words

if TYPE_CHECKING:
    from rich.console import Console

GAP = 2
LABEL = 18


def print_comparison(comparison: Comparison, console: "Console", *, width: int | None = None) -> None:
    """Print a comparison: two tables with a column for each run, then a sentence on each run after the first.

    Args:
        comparison: from `compare_runs`.
        console: where to print.
        width: columns; None if nothing limits them, as in a pipe.
    """
    runs = comparison.runs
    rows = [
        (name, [make_safe(console, value_in_words(value)) for value in values])
        for name, values in comparison.settings.items()
    ]
    if rows:
        _print_table(console, "what differed", runs, rows, width)
    else:
        print_row(
            console, "what differed", "nothing in what was asked, data, versions or machine", indent=LABEL
        )
    if len({run.weights for run in runs}) == 1 and runs[0].weights:
        console.print("the weights are the same to the last bit")
    console.print()
    _print_table(console, "results", runs, _outcomes(runs), width)
    for against in comparison.against_first:
        console.print()
        for line in _format_difference(against, runs):
            style = "bold" if line.startswith("test ") else None
            console.print(
                line, style=style, markup=False, highlight=False, soft_wrap=width is None, width=width
            )
    if len(runs) > 2:
        risk = (1 - LEVEL) / (len(runs) - 1)
        console.print(
            f"\n{len(runs) - 1} comparisons share the 5% risk of a false alarm: each is held to {risk:.1%}.",
            highlight=False,
            soft_wrap=True,
        )


def _print_table(
    console: "Console",
    title: str,
    runs: Sequence[RunResult],
    rows: list[tuple[str, list[str]]],
    width: int | None,
) -> None:
    from rich.table import Table
    from rich.text import Text

    room = None if width is None else max(12, (width - LABEL) // len(runs) - GAP)
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    table.add_column(title, min_width=LABEL - GAP)
    for run in runs:
        heading = run.name if room is None else truncate_middle(run.name, room)
        table.add_column(Text(heading), overflow="fold", max_width=room)
    for name, cells in rows:
        table.add_row(name, *(Text(cell) for cell in cells))
    console.print(table)


def _outcomes(runs: Sequence[RunResult]) -> list[tuple[str, list[str]]]:
    return [
        ("validation", [_format_accuracy(run.validation) for run in runs]),
        ("test", [_format_accuracy(run.test) for run in runs]),
        ("epochs", [_format_epochs(run) for run in runs]),
        (
            "training time",
            ["-" if run.run.seconds is None else format_clock(run.run.seconds) for run in runs],
        ),
        ("state", [run.run.state for run in runs]),
    ]


def _format_accuracy(counts: tuple[int, int] | None) -> str:
    if counts is None:
        return "not evaluated"
    correct, n = counts
    low, high = (format_percent(end, n).rstrip("%") for end in wilson_interval(correct, n))
    return f"{format_percent(correct / n, n)} of {n:,} ({low}-{high})"


def _format_epochs(run: RunResult) -> str:
    trained = f"{run.run.epochs or 0:.4g} of {run.run.epochs_asked}"
    return f"{trained}, kept {run.kept_epoch}" if run.kept_epoch else trained


def _format_difference(against: VersusFirst, runs: Sequence[RunResult]) -> list[str]:
    """The sentences on one run against the first."""
    first = runs[0]
    run = next(run for run in runs if run.name == against.name)
    lines = [f"{run.name} against {first.name}"]
    for part, difference in (("validation", against.validation), ("test", against.test)):
        counts = getattr(run, part)
        if difference is None:
            missing = next(result.name for result in (first, run) if getattr(result, part) is None)
            advice = f": residual evaluate {missing}" if part == "test" else ""
            lines.append(f"{part:11}{missing} was not evaluated on {part} images{advice}")
        else:
            verdict = "more than chance" if difference.beyond_chance else "within chance"
            lines.append(f"{part:11}{format_points(difference, counts[1])}: {verdict}")
    return lines + (
        [f"{'':11}{line}" for line in _explain_pairing(against, first, run)] if against.test else []
    )


def format_points(difference: Difference, n: int) -> str:
    """'+9.2 points (95% interval +2.4 to +16.5)', in points of a hundred."""
    value, low, high = (_signed(share, n) for share in (difference.value, *difference.interval))
    return f"{value} points (95% interval {low} to {high})"


def _signed(share: float, n: int) -> str:
    text = format_percent(abs(share), n).rstrip("%")
    sign = "" if not float(text) else "+" if share > 0 else "-"
    return sign + text


def _explain_pairing(against: VersusFirst, first: RunResult, run: RunResult) -> list[str]:
    """How the test images were compared, and what that leaves open."""
    difference = against.test
    if difference.paired:
        lines = [
            f"on the same {run.test[1]:,} images; exact McNemar p {_p(difference.p)}",
            f"{run.name} right where {first.name} was wrong: {difference.only_second:,}",
            f"the other way round: {difference.only_first:,}",
        ]
    else:
        lines = ["compared as two sets of images:", against.why_unpaired]
    if not difference.beyond_chance:
        lines.append("these images do not show which of the two is better")
    return lines


def _p(p: float) -> str:
    return "< 0.0001" if p < 1e-4 else f"= {p:.2g}" if p < 0.1 else f"= {p:.2f}"
