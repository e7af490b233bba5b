"""A chart as shapes in a plane, with the numbers that it shows: one description for the page, SVG, PNG and CSV.

Lengths are units of the drawing; y grows downwards. Colours are names of `COLOURS`, so that a page can exchange them
in the dark.
"""

from dataclasses import dataclass

Cell = float | int | str | None
Point = tuple[float, float]

# On white, in the dark. Blue, orange, green and purple are told apart by colour-blind readers; all are legible as text.
COLOURS: dict[str, tuple[str, str]] = {
    "ink": ("#1d2330", "#e6e9ef"),
    "faint": ("#5d6779", "#9aa5b7"),
    "grid": ("#dfe4ec", "#2b3341"),
    "blue": ("#0072b2", "#56b4e9"),
    "orange": ("#b84a00", "#e69f00"),
    "green": ("#00785a", "#35c79a"),
    "purple": ("#a0457a", "#e29ac5"),
}


@dataclass(frozen=True)
class Line:
    """A line through points."""

    points: tuple[Point, ...]
    colour: str
    width: float = 2.2
    dashed: bool = False


@dataclass(frozen=True)
class Area:
    """A filled polygon, mostly transparent: the spread around a line."""

    points: tuple[Point, ...]
    colour: str
    opacity: float = 0.16


@dataclass(frozen=True)
class Dot:
    """A circle; a hollow one is one of several that a filled one stands for."""

    x: float
    y: float
    colour: str
    radius: float = 4.0
    hollow: bool = False


@dataclass(frozen=True)
class Label:
    """A text on one line.

    Attributes:
        x, y: where its baseline starts, has its middle or ends.
        anchor: "start", "middle" or "end".
        turned: whether it runs upwards.
    """

    x: float
    y: float
    text: str
    colour: str = "ink"
    anchor: str = "start"
    turned: bool = False


Shape = Line | Area | Dot | Label


@dataclass(frozen=True)
class Table:
    """Figures in rows.

    Attributes:
        columns: their headings, with units.
        rows: a cell for each column.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Drawing:
    """A chart.

    Attributes:
        name: stem of its files.
        title: a sentence that states the finding.
        description: what it shows, for readers who cannot see it.
        width, height: of what is visible.
        shapes: the later ones lie on top.
        table: the numbers that it shows.
    """

    name: str
    title: str
    description: str
    width: float
    height: float
    shapes: tuple[Shape, ...]
    table: Table


@dataclass(frozen=True)
class Frames:
    """Charts of which a slider shows one.

    Attributes:
        name: stem of the files, which the frame's own name follows.
        title: a sentence that states the finding.
        label: what the slider changes, such as "step".
        frames: the value of the slider and the chart, in order.
    """

    name: str
    title: str
    label: str
    frames: tuple[tuple[str, Drawing], ...]
