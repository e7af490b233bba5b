"""residual predict: what is on images."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from residual._text_console import TextConsole
    from residual.evaluation.predict import Prediction

EXAMPLE = "residual predict first-try photo.jpg 'more/*.png'"

_LEAST_NAME = 24  # columns that an image's name keeps in a terminal
_TOP = 3  # labels


def run(
    run_or_model: str = typer.Argument(
        ...,
        metavar="RUN_OR_MODEL",
        help="Name or folder of a run, or a .keras file.",
        autocompletion=complete_run,
    ),
    images: list[str] = typer.Argument(..., metavar="IMAGE...", help="Image files, folders or patterns."),
    classes: str = typer.Option(
        None, metavar="A,B,...", help="Names of the outputs of a model file that does not have them."
    ),
    pixels: str = typer.Option(
        None, metavar="RANGE", help="What another program's model takes: 0-255, 0-1 or -1-1."
    ),
    top: int = typer.Option(None, min=1, help=f"Show this many labels of each image; {_TOP} if not given."),
    table: Path = typer.Option(None, "--csv", metavar="FILE", help="Write a table to a .csv file as well."),
    device: str = DEVICE,
    as_json: bool = JSON,
):
    """Show what is on images: the label of each and its probability.

    If the images lie in folders that are named like the classes, the accuracy is shown too. It says nothing about
    new images if the network was trained on these. Exit code 2 if an image cannot be read; the others are done.
    """
    out = console(for_json=as_json)
    check_output(table, "--csv", ".csv")
    check_device(device)
    check_trained(run_or_model)
    from residual._console import show_work

    toolkit = api(out)
    with show_work(out, "looking at the images"):
        predictions = toolkit.predict(
            run_or_model, images, classes=split_names(classes), pixels=pixels, device=device
        )
    if table:
        save_table(predictions, table, top or _TOP)
    if as_json:
        print_json([_to_dict(prediction, top) for prediction in predictions])
    else:
        print_predictions(out, predictions, top)
        if table:
            print_line(out, f"table written to {table}")
    if any(prediction.error for prediction in predictions):
        raise typer.Exit(2)


def find_folder_label(prediction: "Prediction") -> str | None:
    """The class that the folder of an image is named like, None if there is none."""
    folder = Path(prediction.image).absolute().parent.name
    return folder if folder in prediction.probabilities else None


def print_predictions(out: "TextConsole", predictions: Sequence["Prediction"], top: int | None) -> None:
    """Print one line per image, and the accuracy if the folders tell it.

    Args:
        out: where to print. In a terminal long names are cut in the middle.
        predictions: of the images.
        top: labels of each image; None shows three, in a terminal only one if three do not fit.
    """
    from rich.cells import cell_len

    from residual._console import print_row
    from residual._text import escape_control, truncate_middle

    names = [escape_control(prediction.image) for prediction in predictions]
    answers = [_describe(prediction, top or _TOP) for prediction in predictions]
    width = max(
        (cell_len(name) for name, p in zip(names, predictions, strict=True) if not p.error), default=0
    )
    if out.is_terminal:
        room = out.width - max(map(cell_len, answers), default=0) - 2
        if top is None and room < min(width, _LEAST_NAME):
            answers = [_describe(prediction, 1) for prediction in predictions]
            room = out.width - max(map(cell_len, answers), default=0) - 2
        width = min(width, max(_LEAST_NAME, room))
        names = [truncate_middle(name, width) for name in names]
    for name, answer, prediction in zip(names, answers, predictions, strict=True):
        if prediction.error:  # it names the file itself
            print_row(out, "", prediction.error, indent=0)
        else:
            print_line(out, name + " " * (width - cell_len(name) + 2) + answer)
    if accuracy := _describe_accuracy(predictions):
        print_line(out, accuracy, "bold")


def _describe(prediction: "Prediction", top: int) -> str:
    """What a line says behind the name; "" of an image that cannot be read."""
    if prediction.error:
        return ""
    text = f"{prediction.label}  {prediction.probability:.1%}"
    others = ", ".join(f"{name} {share:.1%}" for name, share in _rank(prediction)[1:top])
    text += f"  (then {others})" if others else ""
    label = find_folder_label(prediction)
    return text if label in (None, prediction.label) else f"{text}  in the folder {label}"


def _rank(prediction: "Prediction") -> list[tuple[str, float]]:
    """Labels and their probabilities, the most probable first."""
    return sorted(prediction.probabilities.items(), key=lambda pair: -pair[1])


def _describe_accuracy(predictions: Sequence["Prediction"]) -> str:
    """How many are right by the names of their folders; "" if fewer than two classes are among those."""
    pairs = [(find_folder_label(prediction), prediction.label) for prediction in predictions]
    known = [(label, predicted) for label, predicted in pairs if label is not None]
    if len({label for label, _ in known}) < 2:
        return ""
    from residual._text import format_percent
    from residual.evaluation.metrics import wilson_interval

    correct, n = sum(label == predicted for label, predicted in known), len(known)
    low, high = (format_percent(end, n).rstrip("%") for end in wilson_interval(correct, n))
    return (
        f"accuracy {format_percent(correct / n, n)} by the names of the folders "
        f"({correct:,} of {n:,}; 95% interval {low}-{high}%)"
    )


def _to_dict(prediction: "Prediction", top: int | None) -> dict:
    """For JSON; with `top` that many probabilities, the highest first."""
    facts = prediction.to_dict()
    if not prediction.error and top is not None:
        facts["probabilities"] = dict(_rank(prediction)[:top])
    label = find_folder_label(prediction)
    return facts if label is None else {**facts, "folder_label": label}


def save_table(predictions: Sequence["Prediction"], path: Path, top: int) -> None:
    """Write a row per image: file, labels and probabilities, the label of its folder, the error.

    Args:
        predictions: of the images.
        path: the .csv file; replaced if it is there.
        top: how many labels of each image.
    """
    from residual._atomic import write_bytes

    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    more = [f"{word}_{place}" for place in range(2, top + 1) for word in ("label", "probability")]
    writer.writerow(["image", "label", "probability", *more, "folder_label", "error"])
    for prediction in predictions:
        ranked = _rank(prediction)[:top]
        cells = [value for name, share in ranked for value in (name, f"{share:.6f}")]
        cells += [""] * (2 * top - len(cells))
        writer.writerow([prediction.image, *cells, find_folder_label(prediction) or "", prediction.error])
    write_bytes(path, text.getvalue().encode("utf-8", "backslashreplace"))
