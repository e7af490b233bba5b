"""Drawings as SVG and PNG. Both show the same shapes; a template writes the SVG, Matplotlib the pixels."""

from functools import cache
from importlib import resources
from io import BytesIO
from typing import TYPE_CHECKING, Any

from residual._fonts import OWN
from residual._text import escape_control, format_duration
from residual.studies.drawing import COLOURS, Area, Dot, Drawing, Line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TEMPLATES = "templates"
_HEAD = 34  # height of the title above a drawing that stands alone
_SCALE = 2  # pixels of a unit
_POINTS = 72 / 100  # points of a unit at 100 units an inch
_TITLE_SIZE, _TEXT_SIZE = 14.0, 12.5


@cache
def environment() -> Any:
    """The templates of the studies: text is escaped, a name that is not given is an error."""
    import jinja2

    found = jinja2.Environment(
        loader=jinja2.FunctionLoader(_read_template),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["duration"] = format_duration
    found.filters["points"] = lambda points: " ".join(f"{x:g},{y:g}" for x, y in points)
    found.filters["kind"] = lambda shape: type(shape).__name__
    found.filters["cell"] = format_cell
    found.globals["colours"] = COLOURS
    found.finalize = lambda value: escape_control(value) if type(value) is str else value
    return found


def _read_template(name: str) -> str:
    return (resources.files("residual.studies") / _TEMPLATES / name).read_text("utf-8")


def format_cell(value: float | int | str | None) -> str:
    """A cell of a table as text: four digits of a number, "–" if there is none."""
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else value


def format_svg(drawing: Drawing) -> str:
    """A drawing as an SVG file of its own, its title above it.

    Args:
        drawing: the chart.
    """
    lines = _wrap_title(drawing)
    template = environment().get_template("drawing.svg.jinja")
    head = _HEAD + 18 * (len(lines) - 1)
    return template.render(drawing=drawing, head=head, lines=lines, text_size=_TEXT_SIZE)


def _wrap_title(drawing: Drawing) -> list[str]:
    from residual._text import wrap_words

    return wrap_words(drawing.title, int(drawing.width / 7.3))


def render_png(drawing: Drawing) -> bytes:
    """A drawing as a PNG on white, twice as many pixels as units.

    Args:
        drawing: the chart.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = _wrap_title(drawing)
    head = _HEAD + 18 * (len(lines) - 1)
    width, height = drawing.width, drawing.height + head
    figure = Figure(figsize=(width / 100, height / 100), dpi=100 * _SCALE, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(drawing.height, -head)
    for number, line in enumerate(lines):
        _write(axes, 12, 22 - head + 18 * number, line, COLOURS["ink"][0], size=_TITLE_SIZE, weight="bold")
    for shape in drawing.shapes:
        _draw(axes, shape)
    png = BytesIO()
    figure.savefig(png, format="png", dpi=100 * _SCALE)
    return png.getvalue()


def _draw(axes: "Axes", shape: Any) -> None:
    colour = COLOURS[shape.colour][0]
    if isinstance(shape, Line):
        x, y = zip(*shape.points, strict=True)
        style = (0, (4, 2.5)) if shape.dashed else "solid"
        axes.plot(x, y, color=colour, linewidth=shape.width * _POINTS, linestyle=style)
    elif isinstance(shape, Area):
        x, y = zip(*shape.points, strict=True)
        axes.fill(x, y, color=colour, alpha=shape.opacity, linewidth=0)
    elif isinstance(shape, Dot):
        size = (2 * shape.radius * _POINTS) ** 2
        face = "white" if shape.hollow else colour
        axes.scatter([shape.x], [shape.y], size, color=face, edgecolors=colour, linewidths=1, zorder=3)
    else:
        aligned = {"start": "left", "middle": "center", "end": "right"}[shape.anchor]
        _write(axes, shape.x, shape.y, shape.text, colour, align=aligned, turned=shape.turned)


def _write(
    axes: "Axes",
    x: float,
    y: float,
    text: str,
    colour: str,
    *,
    size: float = _TEXT_SIZE,
    align: str = "left",
    turned: bool = False,
    weight: str = "normal",
) -> None:
    axes.text(
        x,
        y,
        text,
        color=colour,
        fontsize=size * _POINTS,
        ha=align,
        va="center" if turned else "baseline",
        rotation=90 if turned else 0,
        rotation_mode="anchor" if not turned else "default",
        parse_math=False,
        family=OWN,
        weight=weight,
    )
