"""residual find-rate: a learning rate for some data, by a range test."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from residual.cli._shared import (
    DEVICE,
    JSON,
    SEARCH_DIR,
    api,
    complete_run,
    console,
    print_json,
)
from residual.cli._training_options import BATCH_SIZE, DATA, IMAGE_SIZE, MODEL, RECIPE, SEED

if TYPE_CHECKING:
    from residual._text_console import TextConsole
    from residual.training.rate_test import RateTest

EXAMPLE = "residual find-rate signs --model resnet18 --plot rates.png"


def run(
    context: typer.Context,
    data: str = DATA,
    model: str = MODEL,
    recipe: str = RECIPE,
    weights: str = typer.Option(
        None,
        metavar="RUN_OR_FILE",
        help="Begin with trained weights, as residual train does.",
        autocompletion=complete_run,
    ),
    batch_size: int = BATCH_SIZE,
    image_size: int = IMAGE_SIZE,
    seed: int = SEED,
    steps: int = typer.Option(100, metavar="N", help="Steps, each at a higher rate."),
    lowest: float = typer.Option(1e-6, metavar="RATE", help="The first rate."),
    highest: float = typer.Option(
        10.0, metavar="RATE", help="The last rate; the test ends if the loss rises."
    ),
    plot: Path = typer.Option(None, metavar="FILE", help="Draw the curve: a .png or .svg file."),
    search_dir: str = SEARCH_DIR,
    device: str = DEVICE,
    as_json: bool = JSON,
):
    """Find a learning rate: train some steps at a rate that rises, and watch the loss.

    The suggestion is the rate at which the loss falls fastest, for the highest rate of the recipe:
    --set schedule.peak=RATE. No run is made, and neither validation nor test images are used.
    """
    shown = console(for_json=as_json)
    from residual._verbs.find_rate import check_plot, measure_rates
    from residual._verbs.training import check_request
    from residual.training.options import TrainOptions

    check_plot(plot)
    options = TrainOptions.pick(context.params)
    check_request(options, None, "never")
    api(shown)
    found = measure_rates(options, shown, steps, lowest, highest, plot, device)
    if as_json:
        print_json({**found.to_dict(), "plot": None if plot is None else str(plot)})
    else:
        _print(shown, found, plot)


def _print(out: "TextConsole", found: "RateTest", plot: Path | None) -> None:
    from residual._console import print_row

    rows = [
        (
            "tested",
            f"{found.network} on {found.data}: {found.optimizer}, batches of {found.batch_size}, {len(found.rates)} "
            f"steps from {found.rates[0]:.1g} to {found.rates[-1]:.2g}",
        ),
        (
            "loss",
            f"{found.smoothed[0]:.3g} at first, {min(found.smoothed):.3g} at its lowest, at the rate "
            f"{found.lowest:.2g}",
        ),
        (
            "end",
            "the loss never rose"
            if found.diverged is None
            else f"the loss rose at the rate {found.diverged:.2g}",
        ),
        (
            "suggested",
            f"{found.suggested:.2g} as the highest rate (the recipe's is {found.recipe_rate:.2g}): "
            f"--set schedule.peak={found.suggested:g}"
            if found.suggested is not None
            else "none: the loss did not fall by 5%. Use more `steps`, or another `recipe`",
        ),
    ]
    rows += [("drawn", str(plot))] if plot is not None else []
    for label, text in rows:
        print_row(out, label, text, indent=11, style="bold" if label == "suggested" else None)
