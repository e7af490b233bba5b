"""A context with a few made images, and findings with made figures."""

from pathlib import Path

import numpy as np

from residual._console import default_console
from residual.data.images import Dataset, Images
from residual.studies.context import Asked, Context, open_folder
from residual.studies.drawing import Frames, Table
from residual.studies.plots import Axis, Row, Series, draw_dots, draw_lines
from residual.studies.study import Findings


def make_asked(**changes) -> Asked:
    values = {
        "study": "made",
        "data": "digits",
        "seconds": 60.0,
        "seeds": (0, 1),
        "network": None,
        "version": "0",
    }
    return Asked(**{**values, **changes})


def make_images(n: int, side: int, classes: int, seed: int) -> Images:
    """Images whose class is a bright column: learned in a few steps."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    x = rng.integers(0, 80, (n, side, side, 3)).astype(np.uint8)
    for i, label in enumerate(y):
        x[i, :, label * side // classes : (label + 1) * side // classes] += 150
    return Images(x, y.astype(np.int64))


def make_data(n: int = 64, side: int = 8, classes: int = 4) -> Dataset:
    names = tuple("abcdefgh"[:classes])
    return Dataset(
        "made", make_images(n, side, classes, 0), make_images(n, side, classes, 1), names, "made images"
    )


def make_context(folder: Path, load=make_data, network=None, **changes) -> Context:
    """A context in a folder; `changes` are fields of `Asked`."""
    asked = make_asked(**changes)
    opened = open_folder(asked, folder)
    return Context(asked, opened, default_console(quiet=True), load, network, {"processor": "made"})


def make_findings(title: str = "Deeper plain networks have larger gradients") -> Findings:
    """Findings with a chart of each kind."""
    lines = [
        Series("plain-56", (0, 10, 20), (1e-3, 1e-5, 2e-6), "orange", (5e-4, 8e-6, 1e-6), (2e-3, 2e-5, 3e-6)),
        Series("residual-56", (0, 10, 20), (0.3, 0.25, 0.2), "blue", dashed=True),
    ]
    step, norm = Axis("step"), Axis("gradient norm", log=True)
    frames = tuple(
        (str(i), draw_lines(f"moving-{i}", f"After {i} steps", lines, Axis("layer"), norm))
        for i in (0, 5, 10)
    )
    rows = [
        Row("option A", (0.4, 0.42, 0.39)),
        Row("none", (0.55, 0.6), "orange"),
        Row("broken", (float("nan"),)),
    ]
    return Findings(
        title,
        ("The plain network ends at 2e-06.", "The residual one ends at 0.2."),
        (("networks", "plain-56 <and> residual-56"), ("seeds", "0, 1, 2")),
        (
            draw_lines("norms", "The plain network's gradient falls", lines, step, norm, "mean of 3 seeds"),
            Frames("moving", "The gap widens", "step", frames),
            draw_dots(
                "dots",
                "Option A is best",
                rows,
                Axis("test error", percent=True),
                "{:.1%}".format,
                ("chance", 0.9),
            ),
        ),
        Table(("network", "error", "n"), (("plain-56", 0.5512345, 3), ("residual-56", None, 3))),
        ("Another budget may show something else.",),
        ("Vanishing gradients make deep networks slow.", "notebook B, part 2"),
        {"plain": 2e-6},
    )
