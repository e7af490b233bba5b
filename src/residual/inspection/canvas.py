"""Draw boxes, wires, arcs and plus circles on a Matplotlib figure, in inches.

Matplotlib's objects are used directly, without pyplot: no window system, no global state, safe in a server.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from residual._atomic import write_bytes
from residual.errors import NetworkError

SUFFIXES = (".png", ".svg")
DOTS_PER_INCH = 150

INK, FAINT, WIRE = "#1f2933", "#66727f", "#52606d"
PANEL, PANEL_EDGE = "#f4f6f8", "#cbd2d9"


@dataclass(frozen=True)
class Look:
    """Fill and edge of a box, or colour and dashes of a line."""

    fill: str
    edge: str
    dashes: str = "solid"


BOX_WIDTH, BOX_HEIGHT, PLUS_RADIUS, CORNER = 0.74, 0.46, 0.1, 0.1

Point = tuple[float, float]


class Canvas:
    """A page that grows with what is drawn on it: x to the right from 0, y downwards from 0, both in inches."""

    def __init__(self):
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(1, 1), dpi=DOTS_PER_INCH, facecolor="white")
        self.axes = self.figure.add_axes((0.0, 0.0, 1.0, 1.0))
        self.axes.set_axis_off()
        self.width = self.height = 0.0

    def box(self, x: float, y: float, lines: Sequence[str], look: Look, width: float = BOX_WIDTH) -> float:
        """Draw a rounded box with lines of text: its left side at x, its centre at y. Returns its right side."""
        self.panel(x, y - BOX_HEIGHT / 2, width, BOX_HEIGHT, look, layer=4)
        step = 0.15
        for i, line in enumerate(lines):
            at = y + (i - (len(lines) - 1) / 2) * step
            self.text(x + width / 2, at, line, ha="center", zorder=5, size=8)
        return x + width

    def panel(self, x: float, y: float, width: float, height: float, look: Look, layer: float) -> None:
        """Draw a rounded rectangle with its top left corner at (x, y)."""
        from matplotlib.patches import FancyBboxPatch

        style = "round,pad=0,rounding_size=0.06"
        patch = FancyBboxPatch(
            (x, y), width, height, boxstyle=style, facecolor=look.fill, edgecolor=look.edge, linewidth=1,
            zorder=layer,
        )  # fmt: skip
        self.axes.add_patch(patch)
        self._reach(x + width, y + height)

    def plus(self, x: float, y: float) -> None:
        """Draw the addition: a circle with a plus, its centre at (x, y)."""
        from matplotlib.patches import Circle

        self.axes.add_patch(
            Circle((x, y), PLUS_RADIUS, facecolor="white", edgecolor=INK, linewidth=1.2, zorder=4)
        )
        arm = 0.6 * PLUS_RADIUS
        for dx, dy in ((arm, 0), (0, arm)):
            self.axes.plot([x - dx, x + dx], [y - dy, y + dy], color=INK, linewidth=1.2, zorder=5)

    def wire(self, points: Sequence[Point], look: Look, *, arrow: bool = True) -> None:
        """Draw a line through the points with round corners and an arrow at its end."""
        from matplotlib.patches import FancyArrowPatch
        from matplotlib.path import Path as Line

        vertices, codes = _round_corners(points)
        patch = FancyArrowPatch(
            path=Line(vertices, codes), arrowstyle="-|>" if arrow else "-", mutation_scale=8, color=look.edge,
            linestyle=look.dashes, linewidth=1.3, shrinkA=0, shrinkB=0, zorder=3, capstyle="butt",
            fill=arrow,
        )  # fmt: skip
        self.axes.add_patch(patch)
        self._reach(max(x for x, _ in points), max(y for _, y in points))

    def text(self, x: float, y: float, text: str, *, size: float = 8.5, color: str = INK, **options) -> None:
        """Write text centred on y; `ha` says which part of it is at x."""
        # parse_math=False: a "$" in a model's name does not begin a formula.
        self.axes.text(x, y, text, fontsize=size, color=color, va="center", parse_math=False, **options)
        # About 0.62 em a letter in DejaVu Sans; only the page's size depends on it.
        letters = 0.0 if options.get("ha") == "center" else 0.62 * size / 72 * len(text)
        self._reach(x + letters, y + 0.1)

    def _reach(self, x: float, y: float) -> None:
        self.width, self.height = max(self.width, x), max(self.height, y)

    def save(self, path: str | os.PathLike[str], margin: float) -> None:
        """Render in memory and write the file whole: a reader never sees half a picture."""
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        width, height = self.width + margin, self.height + margin
        self.figure.set_size_inches(width, height)
        self.axes.set(xlim=(0, width), ylim=(height, 0))
        FigureCanvasAgg(self.figure)
        picture, suffix = BytesIO(), Path(path).suffix.lower()
        # No date and a fixed salt: the same network gives the same file.
        metadata = {"Date": None} if suffix == ".svg" else None
        with rc_context({"svg.hashsalt": "residual"}):
            self.figure.savefig(picture, format=suffix[1:], dpi=DOTS_PER_INCH, metadata=metadata)
        write_bytes(path, picture.getvalue())


def check_suffix(path: str | os.PathLike[str]) -> None:
    """Raise NetworkError if the name does not end in one of `SUFFIXES`."""
    if Path(path).suffix.lower() not in SUFFIXES:
        raise NetworkError(f"A diagram is a file ending in {' or '.join(SUFFIXES)}; got {os.fspath(path)!r}.")


def _round_corners(points: Sequence[Point]) -> tuple[list[Point], list[int]]:
    """Vertices and matplotlib codes of a path through the points with its corners rounded."""
    move, line, curve = 1, 2, 3
    vertices, codes = [points[0]], [move]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        vertices += [_step_towards(corner, before), corner, _step_towards(corner, after)]
        codes += [line, curve, curve]
    return [*vertices, points[-1]], [*codes, line]


def _step_towards(start: Point, end: Point) -> Point:
    """The point `CORNER` from start on the way to end, or half-way if that is nearer."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    share = min(CORNER / length, 0.5)
    return start[0] + share * dx, start[1] + share * dy
