"""Series of runs for people: a line for each run, mean and spread, and the comparison of two."""

from typing import TYPE_CHECKING, Any

from residual._console import print_row
from residual._text import format_percent
from residual.evaluation.series import SeriesComparison
from residual.evaluation.wording import value_in_words
from residual.runs.series import SeriesRecord

if TYPE_CHECKING:
    from rich.console import Console

_INDENT = 12


def print_series(record: SeriesRecord, console: "Console") -> None:
    """Print what came of a series.

    Args:
        record: with its summary.
        console: where to print.
    """
    print_row(console, "series", f"{record.name}: {describe_count(record)}", indent=_INDENT)
    for split in ("validation", "test"):
        if split in record.summary:
            for text in describe_spread(record.summary[split]):
                print_row(console, split, text, indent=_INDENT, style="bold" if split == "test" else None)


def describe_count(record: SeriesRecord) -> str:
    """How many runs have finished, such as "5 of 5 seeds finished"."""
    return f"{record.summary['finished']} of {record.summary['of']} {record.kind} finished"


def describe_spread(spread: dict[str, Any]) -> list[str]:
    """Sentences on a `Spread` as the file of a series holds it."""
    n = max(spread["n"])
    values = ", ".join(format_percent(value, n).rstrip("%") for value in spread["values"])
    low, high = (format_percent(end, n).rstrip("%") for end in spread["interval"])
    first = (
        f"accuracy {format_percent(spread['mean'], n)} in the mean of {len(spread['values'])} runs ({values}); "
        f"deviation {format_percent(spread['deviation'], n)}"
    )
    lines = [f"{first}; 95% interval of the mean {low}-{high}%" if len(spread["values"]) > 1 else first]
    if spread.get("pooled") is not None:
        total = sum(spread["n"])
        low, high = (format_percent(end, total).rstrip("%") for end in spread["pooled_interval"])
        lines.append(
            f"all {total} images together, each by the run that was not trained on it: "
            f"{format_percent(spread['pooled'], total)} (95% interval {low}-{high}%)"
        )
    return lines


def print_series_comparison(comparison: SeriesComparison, console: "Console") -> None:
    """Print a comparison of series.

    Args:
        comparison: from `evaluation.series.compare_series`.
        console: where to print.
    """
    for name, values in comparison.settings.items():
        print_row(console, name.replace("_", " "), " | ".join(map(value_in_words, values)), indent=_INDENT)
    for record in comparison.series:
        print_series(record, console)
    for one in comparison.against_first:
        low, high = (f"{100 * end:+.1f}" for end in one.interval)
        kind = "run by run" if one.paired else "as two groups"
        chance = "more than chance" if one.beyond_chance else "no more than chance"
        print_row(
            console,
            one.split,
            f"{one.name} minus {comparison.series[0].name}: {100 * one.value:+.1f} points (95% interval {low} to "
            f"{high}; {one.runs[1]} and {one.runs[0]} runs, compared {kind}): {chance}",
            indent=_INDENT,
            style="bold" if one.split == "test" else None,
        )
