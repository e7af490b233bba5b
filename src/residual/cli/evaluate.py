"""residual evaluate: a network evaluated on test images."""

from pathlib import Path

import typer

from residual.backend.devices import check_device
from residual.cli._shared import (
    DEVICE,
    JSON,
    api,
    check_output,
    check_trained,
    complete_run,
    console,
    print_json,
    print_line,
    split_names,
)

EXAMPLE = "residual evaluate first-try --json"


def run(
    run_or_model: str = typer.Argument(
        ...,
        metavar="RUN_OR_MODEL",
        help="Name or folder of a run, or a .keras file.",
        autocompletion=complete_run,
    ),
    data: str = typer.Option(None, "--data", help="Name or path of other data than the run's own."),
    classes: str = typer.Option(
        None, metavar="A,B,...", help="Names of the outputs of a model file that does not have them."
    ),
    pixels: str = typer.Option(
        None, metavar="RANGE", help="What another program's model takes: 0-255, 0-1 or -1-1."
    ),
    png: Path = typer.Option(None, help="Where to draw the confusion matrix; a run keeps its own."),
    device: str = DEVICE,
    as_json: bool = JSON,
):
    """Evaluate a network on test images: accuracy with its interval, per class, calibration, confusion matrix."""
    out = console(for_json=as_json)
    check_output(png, "--png", ".png")
    check_device(device)
    check_trained(run_or_model)
    if data is not None:
        from residual.data.load import check_address

        check_address(data)
    toolkit = api(out)
    from residual._console import show_work

    with show_work(out, "reading the test images"):
        scores = toolkit.evaluate(
            run_or_model, data, classes=split_names(classes), pixels=pixels, device=device
        )
    from residual.evaluation.figures import save_confusion_png
    from residual.evaluation.report import print_scores

    drawn = png
    if png:
        save_confusion_png(scores, png)
    elif data is None:
        from residual._run import find_owner

        drawn = find_owner(run_or_model).path / "confusion.png"
    if as_json:
        print_json({"run": run_or_model, "data": data, **scores.to_dict()})
        return
    if not out.is_terminal:
        out.width = 100  # a pipe has no width of its own
    print_scores(scores, out, title=f"{run_or_model} on {data or 'its own test images'}")
    if drawn:
        print_line(out, f"confusion matrix drawn in {drawn}")
