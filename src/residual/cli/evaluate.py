"""residual evaluate: a network evaluated on test images."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from residual.backend.devices import check_device
from residual.cli._repeat import make_format_command
from residual.cli._shared import (
    CLASSES,
    DEVICE,
    JSON,
    PIXELS,
    PRECISION_AT,
    RUN_OR_MODEL,
    api,
    check_output,
    check_precision,
    check_trained,
    console,
    print_json,
    print_line,
    split_names,
)

if TYPE_CHECKING:
    from residual._run import Run

EXAMPLE = "residual evaluate first-try --json"


def run(
    context: typer.Context,
    run_or_model: str = RUN_OR_MODEL,
    data: str = typer.Option(None, "--data", help="Name or path of other data than the run's own."),
    classes: str = CLASSES,
    pixels: str = PIXELS,
    png: Path = typer.Option(None, help="Where to draw the confusion matrix; a run keeps its own."),
    precision_at: str = PRECISION_AT,
    views: str = typer.Option(
        None,
        metavar="WORD",
        help="Score the mean over views of each image too: mirror (2 views) or shift (6).",
    ),
    device: str = DEVICE,
    as_json: bool = JSON,
):
    """Evaluate a network on test images: accuracy with its interval, per class, calibration, confusion matrix."""
    out = console(for_json=as_json)
    check_output(png, "--png", ".png")
    check_device(device)
    check_precision(precision_at)
    _check_names(data, views)
    check_trained(run_or_model)
    toolkit = api(out)
    from residual._console import show_work

    started = time.time()
    with show_work(out, "reading the test images"):
        scores = toolkit.evaluate(
            _open(run_or_model, context) if data is None else run_or_model,
            data,
            classes=split_names(classes),
            pixels=pixels,
            precision_at=precision_at,
            views=views,
            device=device,
        )
    if as_json:
        print_json({"run": run_or_model, "data": data, **scores.to_dict()})
    else:
        from residual.evaluation.report import print_scores

        if not out.is_terminal:
            out.width = 100  # a pipe has no width of its own
        print_scores(scores, out, title=f"{run_or_model} on {data or 'its own test images'}")
    if png:  # after the scores have been shown: the disk may be full
        from residual.evaluation.figures import save_confusion_png

        save_confusion_png(scores, png)
    drawn = png
    if data is None and png is None:
        from residual._open import find_owner

        drawn = find_owner(run_or_model).path / "confusion.png"
    if drawn and not as_json and _is_new(drawn, started):
        print_line(out, f"confusion matrix drawn in {drawn}")


def _check_names(data: str | None, views: str | None) -> None:
    """Refuse data and views that do not exist, before Keras is loaded."""
    if views is not None:
        from residual.evaluation.views import check_views

        check_views(views)
    if data is not None:
        from residual.data.load import check_address

        check_address(data)


def _open(run_or_model: str, context: typer.Context) -> "str | Run":
    """The run, whose report says how the command line repeats it; a model file stays a name."""
    from residual._open import find_owner

    run = find_owner(run_or_model)
    if run is None:
        return run_or_model
    run.format_command = make_format_command(context)
    return run


def _is_new(path: Path, started: float) -> bool:
    """Whether a file was written since then; a margin of 2 s for file systems that count in whole seconds."""
    return path.is_file() and path.stat().st_mtime > started - 2
