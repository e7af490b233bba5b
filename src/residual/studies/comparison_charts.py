"""Charts and tables of networks that were trained alike."""

from collections.abc import Collection, Mapping

from residual.studies.comparison import Comparison, Outcome
from residual.studies.drawing import Drawing, Table
from residual.studies.plots import Axis, Row, Series, draw_dots, draw_lines
from residual.studies.spread import Spread

_LABELS = {"train": "training error", "validation": "validation error", "test": "test error"}


def format_error(value: float) -> str:
    """An error as a percentage: "41.2%"."""
    return f"{value:.1%}"


def draw_curves(
    found: Comparison,
    key: str,
    title: str,
    colours: Mapping[str, str],
    dashed: Collection[str] = (),
    name: str = "",
) -> Drawing:
    """The errors after each epoch, a line for each network with a band over the seeds.

    Args:
        found: the trainings.
        key: "train" or "validation".
        title: a sentence that states the finding.
        colours: of each network.
        dashed: networks whose lines are dashed.
        name: begins the name of the chart, if a study has several of the kind.
    """
    series = [
        _make_series(outcome, key, colours[one], one in dashed)
        for one, outcome in found.outcomes.items()
        if outcome.curve(key)
    ]
    seeds = len(found.seeds)
    note = f"mean of {seeds} seeds, band from lowest to highest" if seeds > 1 else "one seed"
    last = max((one.x[-1] for one in series), default=1.0)
    x_axis, y_axis = Axis("epoch", low=0, high=last), Axis(_LABELS[key], percent=True)
    return draw_lines(f"{name}{key}-error", title, series, x_axis, y_axis, note)


def _make_series(outcome: Outcome, key: str, colour: str, dashed: bool) -> Series:
    spreads: list[Spread] = outcome.curve(key)
    return Series(
        outcome.name,
        tuple(float(i + 1) for i in range(len(spreads))),
        tuple(one.mean for one in spreads),
        colour,
        tuple(one.low for one in spreads),
        tuple(one.high for one in spreads),
        dashed,
    )


def draw_test_errors(found: Comparison, title: str, colours: Mapping[str, str], name: str = "") -> Drawing:
    """The test error of each network at the end, a dot for each seed.

    Args:
        found: the trainings.
        title: a sentence that states the finding.
        colours: of each network.
        name: begins the name of the chart.
    """
    rows = [Row(one, outcome.spread("test").values, colours[one]) for one, outcome in found.outcomes.items()]
    return draw_dots(f"{name}test-error", title, rows, Axis("test error", percent=True), format_error)


def make_table(*found: Comparison) -> Table:
    """Parameters and errors of every network, with the lowest and highest of the seeds.

    Args:
        found: one or more comparisons.
    """
    columns = ("network", "parameters", *_LABELS.values(), "seeds", "not finite")
    return Table(columns, tuple(_list_row(one) for part in found for one in part.outcomes.values()))


def _list_row(outcome: Outcome) -> tuple[str | int | float | None, ...]:
    errors = [outcome.spread(key).describe(format_error) for key in _LABELS]
    return (outcome.name, outcome.parameters, *errors, len(outcome.pieces), outcome.diverged)
