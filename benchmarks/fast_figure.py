"""Draw docs/fast-curves.svg: validation accuracy of CIFAR-10 against time, of the results of fast.py.

    python benchmarks/fast_figure.py

The time of an epoch is that of its steps as `fast.py steps` measured them alone and in turns, since the trainings
themselves ran side by side. A curve of several seeds is their median, with the range between them.
"""

import statistics
from itertools import accumulate
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from fast import TRAIN_IMAGES, WHOLE, read_rows
from fast_tables import group_by

from residual.training.recipes import RECIPES
from residual.training.sides import list_starts

PICTURE = "fast-curves.svg"
NAMES = ("cifar10-fast", "cifar10-wide", "cifar10-fast in 26 epochs, cutout of 8 pixels")


def list_minutes(name: str, epochs: int) -> list[float]:
    """Minutes from the start to the end of each epoch, in the median turn, of the recipe that a name begins with."""
    recipe = name.partition(" ")[0]
    steps = read_rows("steps")[recipe]
    an_epoch = -(-TRAIN_IMAGES // steps["batch"]) / 6e4
    first = list_starts(RECIPES[recipe].in_epochs(epochs), WHOLE)[1][0]
    turns = zip(*(steps["ms"][side] for side in sorted(steps["ms"], key=int)), strict=True)
    ends = [
        list(accumulate([small * an_epoch] * first + [whole * an_epoch] * (epochs - first)))
        for small, whole in turns
    ]
    return sorted(ends, key=lambda minutes: minutes[-1])[len(ends) // 2]


def draw() -> plt.Figure:
    """The figure."""
    plt.rcParams.update({"font.size": 9, "svg.hashsalt": "residual", "axes.spines.top": False})
    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    axes.spines["right"].set_visible(False)
    rows = group_by([row for row in read_rows("train-cifar10") if row.get("curve")], "recipe")
    for name in NAMES:
        own = rows[name]
        curves = list(zip(*([100 * accuracy for _, accuracy in row["curve"]] for row in own), strict=True))
        minutes = list_minutes(name, len(curves))
        label = f"{name}, {len(own)} seeds" if len(own) > 1 else f"{name}, one seed"
        (line,) = axes.plot(
            minutes, [statistics.median(values) for values in curves], "o-", ms=3, label=label
        )
        low, high = [min(values) for values in curves], [max(values) for values in curves]
        axes.fill_between(minutes, low, high, color=line.get_color(), alpha=0.2, lw=0)
    usual = read_rows("steps")["cifar10"]
    whole = statistics.median(usual["ms"][str(WHOLE)]) * usual["steps"][str(WHOLE)] / 6e4
    axes.axvline(whole, color="0.5", ls="--", lw=1)
    axes.annotate("all 38 epochs\nof cifar10", (whole, 62), (-4, 0), textcoords="offset points", ha="right")
    axes.set(xlabel="minutes of training steps", ylabel="validation accuracy, %", xlim=(0, None))
    axes.grid(color="0.9")
    axes.legend(loc="lower center", frameon=False)
    return figure


if __name__ == "__main__":
    path = Path(__file__).resolve().parents[1] / "docs" / PICTURE
    draw().savefig(path, metadata={"Date": None})
    print(path.name)
