"""The two pictures of a run: who is taken for whom, and how training went.

Matplotlib's objects are used directly, without pyplot: no window system, no global state, safe in a server.
"""

import os
from collections.abc import Mapping, Sequence
from io import BytesIO
from math import isfinite, nan
from typing import TYPE_CHECKING, Any

import numpy as np

from residual._atomic import write_bytes
from residual._fonts import OWN, choose_fonts
from residual._text import truncate_middle
from residual.errors import DataError
from residual.evaluation.metrics import Scores
from residual.evaluation.wording import headline

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRAIN, VALIDATION, RATE = "#7a8794", "#0b6bb8", "#4d4d4d"
MOST_COUNTED_CLASSES = 30
MOST_NAMED_CLASSES = 120
NAME_WIDTH = 24
DOTS_PER_INCH = 120

# The name of each panel, the history's keys in it, and its height in 0.9 inch.
PANELS = (
    ("loss", ("loss", "val_loss"), 3.0),
    ("accuracy", ("accuracy", "val_accuracy"), 3.0),
    ("learning rate", ("learning_rate",), 1.2),
)


def save_confusion_png(scores: Scores, path: str | os.PathLike[str]) -> None:
    """Draw the confusion matrix: rows true, columns predicted, colour the share of the true class.

    Up to 30 classes each cell holds its count; up to 120 each row and column holds its name, or its number if no
    installed font has the letters. The file appears whole or not at all.

    Args:
        scores: from `metrics.score`.
        path: the PNG file; replaced if there, and its folder made if not.

    Raises:
        OSError: the file cannot be written.
    """
    from matplotlib.colors import PowerNorm
    from rich.cells import cell_len

    k = len(scores.classes)
    labels = [truncate_middle(name, NAME_WIDTH) for name in scores.classes]
    longest = max(map(cell_len, labels))
    cell = 0.75 if k <= 4 else 0.5 if k <= MOST_COUNTED_CLASSES else 11 / k
    side = max(3.0, cell * k)
    figure = _new_figure(max(5.4, side + 1.8 + 0.085 * longest), side + 1.0 + 0.07 * longest)
    axes = figure.add_subplot()

    support = scores.confusion.sum(axis=1, keepdims=True)
    shares = scores.confusion / np.maximum(support, 1)
    # The square root lifts a 2% confusion, which would be white on a straight scale, to a visible tint.
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, 0, 1), interpolation="nearest")
    _name_axes(axes, labels)
    if k <= MOST_COUNTED_CLASSES:
        _write_counts(axes, scores.confusion, shares)
    _share_bar(figure, axes, image, _scale(k))
    axes.set_title(_sentence(headline(scores)), fontsize=10.5 * _scale(k), pad=10)
    _write(figure, path)


def _name_axes(axes: "Axes", labels: list[str]) -> None:
    k, fonts, note = len(labels), [OWN], ""
    if k <= MOST_NAMED_CLASSES:
        fonts, missing = choose_fonts(labels)
        if missing:
            note = "\n(numbers: no installed font has the letters of these names)"
            labels = [str(i) if missing & set(name) else name for i, name in enumerate(labels)]
        size = 9 if k <= MOST_COUNTED_CLASSES else min(9, 600 / k)
        places = list(range(k))
        texts = labels
    else:
        size = 10.0
        places = list(range(0, k, 10 ** (len(str(k - 1)) - 1)))
        texts = [str(place) for place in places]
    upright = k <= MOST_COUNTED_CLASSES and max(map(len, texts)) <= 4
    slant = 0 if upright or k > MOST_NAMED_CLASSES else 45 if k <= MOST_COUNTED_CLASSES else 90
    # parse_math=False: a class called "$5_bill" is a name and not a formula.
    axes.set_yticks(places, texts, fontsize=size, parse_math=False, fontfamily=fonts)
    axes.set_xticks(places, texts, fontsize=size, parse_math=False, rotation=slant, fontfamily=fonts)
    if slant == 45:
        for text in axes.get_xticklabels():
            text.set(ha="right", rotation_mode="anchor")
    axes.set_xlabel(f"predicted class{note}", fontsize=10 * _scale(k))
    axes.set_ylabel("true class", fontsize=10 * _scale(k))
    axes.tick_params(length=0 if k <= MOST_NAMED_CLASSES else 3)
    axes.spines[:].set_color("#b0b0b0")


def _write_counts(axes: "Axes", confusion: np.ndarray, shares: np.ndarray) -> None:
    size = min(10.0, 33.0 / len(str(int(confusion.max()))))
    for true, predicted in np.argwhere(confusion):
        axes.text(
            predicted, true, str(confusion[true, predicted]), ha="center", va="center", fontsize=size,
            color="white" if shares[true, predicted] > 0.36 else "#1a1a1a",
        )  # fmt: skip


def _share_bar(figure: "Figure", axes: "Axes", image: Any, scale: float) -> None:
    bar = figure.colorbar(image, ax=axes, shrink=0.8, aspect=30, pad=0.02, ticks=[0, 0.02, 0.1, 0.25, 0.5, 1])
    bar.ax.set_yticklabels(["0", "2%", "10%", "25%", "50%", "100%"], fontsize=8 * scale)
    bar.ax.tick_params(length=0)
    bar.set_label("share of the true class", fontsize=9 * scale)
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]


def save_curves_png(history: Sequence[Mapping[str, Any]], path: str | os.PathLike[str]) -> None:
    """Draw loss, accuracy and learning rate over the epochs.

    Values that are missing, None, empty or not finite are left out, and a panel without any value as well.

    Args:
        history: one mapping per epoch, with any of epoch, loss, accuracy (0..1), val_loss, val_accuracy and
            learning_rate. Without epoch, rows count from 1.
        path: the PNG file; replaced if there, and its folder made if not.

    Raises:
        DataError: a value is not a number, or there is nothing to draw.
        OSError: the file cannot be written.
    """
    epochs = _column(history, "epoch")
    epochs = np.where(np.isfinite(epochs), epochs, np.arange(1, len(epochs) + 1))
    columns = {key: _column(history, key) for _, keys, _ in PANELS for key in keys}
    drawn = {key: values for key, values in columns.items() if np.isfinite(values).any()}
    panels = [panel for panel in PANELS if any(key in drawn for key in panel[1])]
    if not panels:
        raise DataError(
            "history must hold a number under loss, accuracy or learning_rate; "
            f"got {len(history)} rows without one"
        )
    heights = [height for *_, height in panels]
    figure = _new_figure(7.5, 0.8 + 0.9 * sum(heights))
    stack = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (name, keys, _) in zip(stack, panels, strict=True):
        _draw_panel(axes, name, epochs, {key: drawn[key] for key in keys if key in drawn})
    _finish_epochs(stack[-1], epochs)
    _write(figure, path)


def _column(history: Sequence[Mapping[str, Any]], key: str) -> np.ndarray:
    """One key of each row as floats (rows,); NaN if the value is not finite."""
    values = []
    for place, row in enumerate(history):
        value = row.get(key)
        try:
            number = nan if value is None or value == "" else float(value)
        except (TypeError, ValueError):
            raise DataError(f"history: {key} in row {place} must be a number; got {value!r}") from None
        values.append(number if isfinite(number) else nan)
    return np.array(values, dtype=float)


def _draw_panel(axes: "Axes", name: str, epochs: np.ndarray, series: dict[str, np.ndarray]) -> None:
    from matplotlib.ticker import PercentFormatter

    for key, values in series.items():
        shown = np.isfinite(values)
        colour = RATE if name == "learning rate" else VALIDATION if key.startswith("val_") else TRAIN
        marker = "o" if shown.sum() <= 12 else None  # a single epoch is a point, and has no line to see
        label = "train"
        if key.startswith("val_"):
            best = int(np.nanargmax(values) if key == "val_accuracy" else np.nanargmin(values))
            text = f"{values[best]:.1%}" if key == "val_accuracy" else f"{values[best]:.3g}"
            label = f"validation (best {text}, epoch {epochs[best]:g})"
            axes.plot(epochs[best], values[best], "o", color=colour, markersize=6)
        axes.plot(
            epochs[shown], values[shown],
            color=colour, linewidth=1.8, marker=marker, markersize=3.5, label=label,
        )  # fmt: skip
    axes.set_ylabel(name)
    axes.grid(color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if name == "accuracy":
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None))
    if name == "learning rate":
        _scale_rate(axes, next(iter(series.values())))
    else:
        axes.legend(frameon=False, fontsize=9)


def _scale_rate(axes: "Axes", rates: np.ndarray) -> None:
    """Logarithmic if the rate spans more than a hundredfold, so that late steps do not all look like 0."""
    rates = rates[np.isfinite(rates)]
    if rates.min() > 0 and rates.max() > 100 * rates.min():
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=min(0.0, float(rates.min())))


def _finish_epochs(axes: "Axes", epochs: np.ndarray) -> None:
    """All epochs are kept in view: a curve that stops early then shows where the numbers stopped."""
    from matplotlib.ticker import MaxNLocator

    margin = max(0.5, 0.02 * float(np.ptp(epochs)))
    axes.set_xlim(epochs.min() - margin, epochs.max() + margin)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch")


def _new_figure(width: float, height: float) -> "Figure":
    """A white figure of `width` x `height` inches, panels 0.2 inch apart; `_write` trims its margins."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)
    return Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout=layout, facecolor="white")


def _scale(k: int) -> float:
    """Larger words on the larger pictures, which are looked at from further away."""
    return min(1.5, max(1.0, k / 15))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _write(figure: "Figure", path: str | os.PathLike[str]) -> None:
    """Render in memory, then write: a reader never meets half a picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    png = BytesIO()
    FigureCanvasAgg(figure)
    # The layout leaves the square matrix with margins too wide or, beside long names, none: cut to fit.
    figure.savefig(png, format="png", dpi=DOTS_PER_INCH, bbox_inches="tight", pad_inches=0.12)
    write_bytes(path, png.getvalue())
