"""Curves and diagrams as points, ticks and labels; templates draw them as SVG.

All lengths are units of the drawing, of which `WIDTH` times `HEIGHT` are visible.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite

from residual._ticks import choose_ticks, format_ticks

WIDTH, HEIGHT = 560, 270
LEFT, RIGHT, TOP, BOTTOM = 76, 96, 22, 44
_LABEL_GAP = 16  # between two labels beside the ends of lines


@dataclass(frozen=True)
class Tick:
    """A tick of an axis: where it is, and its text."""

    place: float
    text: str


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
        name: its label.
        kind: "first" or "second", which chooses colour and dashes.
        points: "x,y x,y ..." as SVG takes them.
        end: (x, y) of the last point.
        label_y: where its label stands, which keeps a distance from the others.
    """

    name: str
    kind: str
    points: str
    end: tuple[float, float]
    label_y: float


@dataclass(frozen=True)
class LineChart:
    """Lines over the epochs.

    Attributes:
        title: a sentence, what is to be seen.
        unit: of the vertical axis.
        mark: x of the kept epoch; None without one.
    """

    title: str
    unit: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    mark: float | None = None

    width, height, left, right, top, bottom = WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM


def draw_lines(
    title: str,
    unit: str,
    series: Sequence[tuple[str, Sequence[float]]],
    *,
    kept: float | None = None,
    format_value: Callable[[float], str] | None = None,
    from_zero: bool = False,
    most: float | None = None,
) -> LineChart | None:
    """A chart of values for each epoch; None if no value is finite.

    Args:
        title: a sentence, what is to be seen.
        unit: of the values.
        series: name and values of each line, at most two; the first epoch is 1.
        kept: the epoch whose weights were kept.
        format_value: of a tick; None gives the fewest digits.
        from_zero: whether the axis starts at 0.
        most: the highest value of the axis; None for the values' own.
    """
    finite = [value for _, values in series for value in values if isfinite(value)]
    if not finite:
        return None
    low, high = (0.0 if from_zero else min(finite)), max(finite)
    ticks = choose_ticks(low, high)
    low, high = min(low, ticks[0]), max(high, ticks[-1])
    high = high if most is None else max(min(high, most), max(finite))
    epochs = max(len(values) for _, values in series)

    def x(epoch: float) -> float:
        share = (epoch - 1) / (epochs - 1) if epochs > 1 else 0.5
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    lines = []
    for kind, (name, values) in zip(("first", "second"), series, strict=False):
        places = [(x(i + 1), y(value)) for i, value in enumerate(values) if isfinite(value)]
        if places:
            points = " ".join(f"{a},{b}" for a, b in places)
            lines.append(Line(name, kind, points, places[-1], places[-1][1]))
    write = format_value or format_ticks(ticks)
    return LineChart(
        title,
        unit,
        _spread_labels(lines),
        tuple(Tick(x(epoch), str(epoch)) for epoch in _choose_epochs(epochs)),
        tuple(Tick(y(value), write(value)) for value in ticks if low <= value <= high),
        None if kept is None else x(kept),
    )


def _choose_epochs(epochs: int) -> list[int]:
    if epochs <= 8:
        return list(range(1, epochs + 1))
    step = next(step for step in (2, 5, 10, 20, 50, 100, 200, 500, 1000, epochs) if epochs / step <= 7)
    return [1, *range(step, epochs + 1, step)] if step > 2 else list(range(1, epochs + 1, step))


def _spread_labels(lines: list[Line]) -> tuple[Line, ...]:
    """The lines with their labels at least `_LABEL_GAP` apart."""
    if len(lines) < 2:
        return tuple(lines)
    upper, lower = sorted(lines, key=lambda line: line.label_y)
    near = _LABEL_GAP - (lower.label_y - upper.label_y)
    if near <= 0:
        return tuple(lines)
    moved = {upper.name: upper.label_y - near / 2, lower.name: lower.label_y + near / 2}
    return tuple(Line(one.name, one.kind, one.points, one.end, round(moved[one.name], 1)) for one in lines)
