"""residual predict: what is on images."""

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from residual.backend.devices import check_device
from residual.cli._shared import (
    CLASSES,
    DEVICE,
    JSON,
    PIXELS,
    PRECISION_AT,
    check_output,
    check_precision,
    check_trained,
    complete_run,
    console,
    print_json,
    print_line,
    split_names,
)

if TYPE_CHECKING:
    from residual.evaluation.predictions import Prediction

EXAMPLE = "residual predict first-try photo.jpg 'more/*.png'"

_TOP = 3  # labels


def run(
    run_or_model: str = typer.Argument(
        ...,
        metavar="RUN_OR_MODEL",
        help="Name or folder of a run, a .keras file, or an exported file.",
        autocompletion=complete_run,
    ),
    images: list[str] = typer.Argument(..., metavar="IMAGE...", help="Image files, folders or patterns."),
    classes: str = CLASSES,
    pixels: str = PIXELS,
    top: int = typer.Option(None, min=1, help=f"Show this many labels of each image; {_TOP} if not given."),
    table: Path = typer.Option(None, "--csv", metavar="FILE", help="Write a table to a .csv file as well."),
    precision_at: str = PRECISION_AT,
    device: str = DEVICE,
    as_json: bool = JSON,
):
    """Show what is on images: the label of each and its probability.

    A run that keeps an engine, and an exported file, answer without loading Keras; with --device gpu, a run's network
    answers in Keras.

    If RUN_OR_MODEL is a run, predictions that are not certain enough are marked unsure, and images unlike all training
    images unknown.

    If the images lie in folders that are named like the classes, the accuracy is shown too. It says nothing about
    new images if the network was trained on these. An image that is named twice counts once. Exit code 1 if an image
    is missing or cannot be read; the others are done.
    """
    out = console(for_json=as_json)
    check_output(table, "--csv", ".csv")
    check_device(device)
    check_precision(precision_at)
    from residual._run_engine import is_exported_file

    if not is_exported_file(run_or_model):
        check_trained(run_or_model)
    names = _list_once(images)
    from residual import _api
    from residual._console import show_work

    with show_work(out, "looking at the images"):
        predictions = _api.predict(
            run_or_model,
            names,
            classes=split_names(classes),
            pixels=pixels,
            precision_at=precision_at,
            device=device,
        )
    if as_json:
        print_json([_to_dict(prediction, top) for prediction in predictions])
    else:
        from residual.evaluation.predictions_text import print_predictions

        print_predictions(predictions, out, top=top)
    if table:  # after what was computed has been shown: the disk may be full
        save_table(predictions, table, top or _TOP)
        if not as_json:
            print_line(out, f"table written to {table}")
    if any(prediction.error for prediction in predictions):
        raise typer.Exit(1)


def _list_once(names: Sequence[str]) -> list[str]:
    """The images that names stand for, each once however often it is named."""
    from residual.evaluation.predict import find_images

    once: dict[str, str] = {}
    for image in find_images(names):
        once.setdefault(os.path.abspath(str(image)), str(image))
    return list(once.values())


def _to_dict(prediction: "Prediction", top: int | None) -> dict:
    """For JSON; with `top` that many probabilities, the highest first."""
    facts = prediction.to_dict()
    if not prediction.error and top is not None:
        facts["probabilities"] = dict(prediction.rank_labels()[:top])
    label = prediction.folder_label
    return facts if label is None else {**facts, "folder_label": label}


def save_table(predictions: Sequence["Prediction"], path: Path, top: int) -> None:
    """Write a row per image: file, labels and probabilities, the label of its folder, the verdict, the error.

    Args:
        predictions: of the images.
        path: the .csv file; replaced if it is there.
        top: how many labels of each image.
    """
    from residual._atomic import write_bytes

    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    more = [f"{word}_{place}" for place in range(2, top + 1) for word in ("label", "probability")]
    writer.writerow(
        ["image", "label", "probability", *more, "folder_label", "verdict", "reason", "distance", "error"]
    )
    for prediction in predictions:
        ranked = prediction.rank_labels()[:top]
        cells = [value for name, share in ranked for value in (name, f"{share:.6f}")]
        cells += [""] * (2 * top - len(cells))
        verdict = _list_verdict(prediction)
        writer.writerow([prediction.image, *cells, prediction.folder_label or "", *verdict, prediction.error])
    write_bytes(path, text.getvalue().encode("utf-8", "backslashreplace"))


def _list_verdict(prediction: "Prediction") -> list[str]:
    """Word, reason and distance in cells; empty ones if nothing is known."""
    verdict = prediction.verdict
    if verdict is None:
        return ["", "", ""]
    distance = "" if verdict.distance is None else f"{verdict.distance:.4f}"
    return [verdict.word, verdict.reason, distance]
