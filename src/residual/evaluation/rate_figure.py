"""The picture of a learning-rate range test."""

from io import BytesIO
from pathlib import Path

import numpy as np

from residual._atomic import write_bytes
from residual.evaluation.figures import DOTS_PER_INCH, RATE, TRAIN, VALIDATION
from residual.training.rate_test import RateTest


def save_rate_figure(test: RateTest, path: str | Path) -> None:
    """Draw the loss over the learning rate, as .png or .svg.

    Args:
        test: what was found.
        path: of the file; replaced if it is there.

    Raises:
        OSError: if it cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 4.4), dpi=DOTS_PER_INCH, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot(test.rates, test.losses, ".", color=TRAIN, markersize=4, alpha=0.6, label="loss of each batch")
    axes.plot(
        test.rates, test.smoothed, color=VALIDATION, linewidth=2, label="average of neighbouring batches"
    )
    axes.set_xscale("log")
    low, first = np.nanmin(test.smoothed), test.smoothed[0]
    axes.set_ylim(max(0, low - 0.25 * (first - low)), first + 0.6 * max(first - low, 0.1 * abs(first)))
    if test.suggested is not None:
        axes.axvline(test.suggested, color="#b8480b", linewidth=1.6, label=f"suggested: {test.suggested:.2g}")
    axes.axvline(
        test.recipe_rate,
        color=RATE,
        linewidth=1.2,
        linestyle=":",
        label=f"recipe's highest: {test.recipe_rate:.2g}",
    )
    axes.set_xlabel("learning rate")
    axes.set_ylabel("training loss")
    axes.set_title(
        f"{test.network} on {test.data}: {test.optimizer}, batches of {test.batch_size}",
        fontsize=10,
        loc="left",
    )
    axes.grid(color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    content = BytesIO()
    figure.savefig(content, format=Path(path).suffix.lower().lstrip("."), dpi=DOTS_PER_INCH)
    write_bytes(path, content.getvalue())
