"""The charts of the studies: lines over an axis, and dots beside names.

One style for all: a title that states the finding, axes with units, and a label at the end of each line in place of a
legend. A band or hollow dots show the spread over seeds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

from residual._ticks import choose_ticks, format_ticks
from residual.studies.drawing import Area, Cell, Dot, Drawing, Label, Line, Shape, Table

WIDTH, HEIGHT = 490, 310
TOP, BOTTOM, LEFT = 12, 46, 62
_NOTE = 18  # height of a line of text above a chart
_LETTER = 7.0  # width of a letter, about
_LABEL_GAP = 16  # between labels at the ends of lines
_ROW = 30  # height of a row of dots
_MOST_DECADES = 6
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Axis:
    """An axis.

    Attributes:
        label: what it measures, with the unit.
        log: whether it is logarithmic; values of 0 and below are then left out.
        low, high: its ends; None takes the values' own. What lies beyond is drawn at the edge.
        percent: whether values are shares, written as percentages.
    """

    label: str
    log: bool = False
    low: float | None = None
    high: float | None = None
    percent: bool = False


@dataclass(frozen=True)
class Series:
    """A line: y over x, with the lowest and highest of several seeds around it.

    Attributes:
        name: its label.
        x, y: the points; those that are not finite are left out.
        colour: a key of `drawing.COLOURS`.
        low, high: of the seeds, as many as points; empty without a spread.
        dashed: a second sign beside the colour.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    colour: str
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    dashed: bool = False


@dataclass(frozen=True)
class Row:
    """A name and its values, one for each seed."""

    name: str
    values: tuple[float, ...]
    colour: str = "blue"


class _Scale:
    """From values to places along an axis."""

    def __init__(self, axis: Axis, values: Sequence[float], start: float, end: float):
        self.log, self.start, self.end = axis.log, start, end
        shown = [value for value in values if isfinite(value) and (value > 0 or not axis.log)]
        low, high = (min(shown), max(shown)) if shown else (1.0, 10.0)
        low = low if axis.low is None else axis.low
        high = high if axis.high is None else axis.high
        if self.log:
            self._set_decades(low, high)
        else:
            self.ticks = choose_ticks(low, high)
            self.low = self.ticks[0] if axis.low is None else axis.low
            self.high = self.ticks[-1] if axis.high is None else axis.high
            self.ticks = [tick for tick in self.ticks if self.low <= tick <= self.high]
        self.write = _choose_writer(axis, self.ticks)

    def _set_decades(self, low: float, high: float) -> None:
        first, last = floor(log10(low) + 1e-9), ceil(log10(high) - 1e-9)
        last = max(last, first + 1)
        step = max(1, ceil((last - first) / _MOST_DECADES))
        self.low, self.high = 10.0**first, 10.0**last
        self.ticks = [10.0**power for power in range(first, last + 1, step)]

    def place(self, value: float) -> float:
        if self.log:
            share = (log10(value) - log10(self.low)) / (log10(self.high) - log10(self.low))
        else:
            share = (value - self.low) / (self.high - self.low)
        return round(self.start + min(1.0, max(0.0, share)) * (self.end - self.start), 1)

    def shows(self, value: float) -> bool:
        return isfinite(value) and (value > 0 or not self.log)


def _choose_writer(axis: Axis, ticks: Sequence[float]) -> Callable[[float], str]:
    if axis.log:
        return _write_power
    if axis.percent:
        whole = all(abs(100 * tick - round(100 * tick)) < 1e-6 for tick in ticks)
        return (lambda value: f"{value:.0%}") if whole else (lambda value: f"{value:.1%}")
    return format_ticks(ticks) if len(ticks) > 1 else (lambda value: f"{value:g}")


def _write_power(value: float) -> str:
    """1000.0 as "1000", 1e-5 as "10⁻⁵"."""
    power = round(log10(value))
    if -2 <= power <= 3:
        return f"{value:g}"
    return "10" + str(power).translate(_SUPERSCRIPTS)


def draw_lines(
    name: str, title: str, series: Sequence[Series], x_axis: Axis, y_axis: Axis, note: str = ""
) -> Drawing:
    """Lines over an axis, each with its name at its end.

    Args:
        name: stem of the files.
        title: a sentence that states the finding.
        series: the lines.
        x_axis, y_axis: what they measure.
        note: a line of text above the lines.
    """
    right = 16 + _LETTER * max((len(one.name) for one in series), default=0)
    xs = [value for one in series for value in one.x]
    ys = [value for one in series for value in (*one.y, *one.low, *one.high)]
    x = _Scale(x_axis, xs, LEFT, WIDTH - right)
    y = _Scale(y_axis, ys, HEIGHT - BOTTOM, TOP + (_NOTE if note else 0))
    shapes: list[Shape] = [*_draw_axes(x, y, x_axis, y_axis, right)]
    if note:
        shapes.append(Label(LEFT, TOP + 2, note, "faint"))
    shapes += [area for one in series if (area := _draw_band(one, x, y))]
    ends = []
    for one in series:
        points = tuple((x.place(a), y.place(b)) for a, b in zip(one.x, one.y, strict=True) if y.shows(b))
        if points:
            shapes.append(Line(points, one.colour, dashed=one.dashed))
            shapes.append(Dot(*points[-1], one.colour, 3.5))
            ends.append((points[-1], one))
    shapes += [
        Label(point[0] + 8, place + 4, one.name, one.colour)
        for (point, one), place in zip(
            ends, spread_out([point[1] for point, _ in ends], _LABEL_GAP), strict=True
        )
    ]
    columns = ("line", x_axis.label, y_axis.label, "lowest of the seeds", "highest of the seeds")
    table = Table(columns, tuple(row for one in series for row in _list_rows(one)))
    description = f"{y_axis.label} over {x_axis.label} for {', '.join(one.name for one in series)}."
    return Drawing(name, title, description, WIDTH, HEIGHT, tuple(shapes), table)


def _draw_axes(x: _Scale, y: _Scale, x_axis: Axis, y_axis: Axis, right: float) -> list[Shape]:
    bottom = HEIGHT - BOTTOM
    shapes: list[Shape] = []
    for tick in y.ticks:
        place = y.place(tick)
        shapes.append(Line(((LEFT, place), (WIDTH - right, place)), "grid", 1))
        shapes.append(Label(LEFT - 7, place + 4, y.write(tick), "faint", "end"))
    for tick in x.ticks:
        shapes.append(Label(x.place(tick), bottom + 18, x.write(tick), "faint", "middle"))
    middle = (LEFT + WIDTH - right) / 2
    shapes.append(Label(middle, HEIGHT - 8, x_axis.label, "faint", "middle"))
    shapes.append(Label(14, (TOP + bottom) / 2, y_axis.label, "faint", "middle", turned=True))
    return shapes


def _draw_band(one: Series, x: _Scale, y: _Scale) -> Area | None:
    rows = [
        (x.place(a), y.place(low), y.place(high))
        for a, low, high in zip(one.x, one.low, one.high, strict=False)
        if y.shows(low) and y.shows(high)
    ]
    if len(rows) < 2:
        return None
    upper = [(a, high) for a, _, high in rows]
    lower = [(a, low) for a, low, _ in reversed(rows)]
    return Area((*upper, *lower), one.colour)


def _list_rows(one: Series) -> list[tuple[Cell, ...]]:
    low, high = one.low or (None,) * len(one.x), one.high or (None,) * len(one.x)
    return [(one.name, *values) for values in zip(one.x, one.y, low, high, strict=True)]


def draw_dots(
    name: str,
    title: str,
    rows: Sequence[Row],
    axis: Axis,
    write: Callable[[float], str],
    reference: tuple[str, float] | None = None,
) -> Drawing:
    """A row for each name: a dot at the mean, a hollow one for each seed, and the mean in figures.

    Args:
        name: stem of the files.
        title: a sentence that states the finding.
        rows: names and values, from the top.
        axis: what is measured.
        write: writes a mean.
        reference: name and value of a line across all rows, such as chance.
    """
    left = 20 + _LETTER * max((len(row.name) for row in rows), default=0)
    right = 18 + _LETTER * max((len(write(_mean(row.values))) for row in rows if row.values), default=0)
    top = TOP + (_NOTE if reference else 0)
    height = top + _ROW * len(rows) + BOTTOM
    values = [value for row in rows for value in row.values]
    scale = _Scale(axis, [*values, *([reference[1]] if reference else [])], left, WIDTH - right)
    shapes: list[Shape] = []
    for tick in scale.ticks:
        place = scale.place(tick)
        shapes.append(Line(((place, top), (place, height - BOTTOM)), "grid", 1))
        shapes.append(Label(place, height - BOTTOM + 18, scale.write(tick), "faint", "middle"))
    shapes.append(Label((left + WIDTH - right) / 2, height - 8, axis.label, "faint", "middle"))
    if reference:
        place = scale.place(reference[1])
        shapes.append(Line(((place, top - 4), (place, height - BOTTOM)), "faint", 1.2, dashed=True))
        shapes.append(Label(place, top - 10, reference[0], "faint", "middle"))
    for number, row in enumerate(rows):
        shapes += _draw_row(row, top + _ROW * (number + 0.5), left, scale, write)
    columns = (axis.label, "mean", *(f"seed {i}" for i in range(max(map(_count, rows), default=0))))
    table = Table(columns, tuple(_list_values(row, len(columns) - 2) for row in rows))
    description = (
        f"{axis.label}: " + "; ".join(f"{row.name} {write(_mean(row.values))}" for row in rows) + "."
    )
    return Drawing(name, title, description, WIDTH, height, tuple(shapes), table)


def _draw_row(
    row: Row, middle: float, left: float, scale: _Scale, write: Callable[[float], str]
) -> list[Shape]:
    shapes: list[Shape] = [Label(left - 10, middle + 4, row.name, "ink", "end")]
    shown = [value for value in row.values if scale.shows(value)]
    if not shown:
        return [*shapes, Label(left + 6, middle + 4, "not finite", "faint")]
    places = [scale.place(value) for value in shown]
    if len(shown) > 1:
        shapes.append(Line(((min(places), middle), (max(places), middle)), row.colour, 1.6))
        shapes += [Dot(place, middle, row.colour, 3, hollow=True) for place in places]
    shapes.append(Dot(scale.place(_mean(shown)), middle, row.colour, 5))
    shapes.append(Label(max(places) + 10, middle + 4, write(_mean(shown)), row.colour))
    return shapes


def _list_values(row: Row, count: int) -> tuple[Cell, ...]:
    missing = (None,) * (count - len(row.values))
    return (row.name, _mean(row.values) if row.values else None, *row.values, *missing)


def _count(row: Row) -> int:
    return len(row.values)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


def spread_out(places: Sequence[float], gap: float) -> list[float]:
    """Places in their order along a line, moved so that no two are nearer than `gap`, with their mean kept.

    Args:
        places: where labels would stand.
        gap: the least distance.
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    groups: list[tuple[float, list[int]]] = []  # the mean place and the members of labels that touch
    for i in order:
        centre, members = places[i], [i]
        while (
            groups and groups[-1][0] + _half(groups[-1][1], gap) > centre - _half(members, gap) - gap + 1e-9
        ):
            other, before = groups.pop()
            total = len(before) + len(members)
            centre = (other * len(before) + centre * len(members)) / total
            members = [*before, *members]
        groups.append((centre, members))
    moved = list(places)
    for centre, members in groups:
        for number, i in enumerate(members):
            moved[i] = round(centre + (number - (len(members) - 1) / 2) * gap, 1)
    return moved


def _half(members: Sequence[int], gap: float) -> float:
    return (len(members) - 1) / 2 * gap
