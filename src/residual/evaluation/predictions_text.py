"""Predictions for people: a line for each image, and the accuracy if the folders are named like the classes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from residual._console import make_safe, print_row
from residual._text import format_percent, truncate_middle
from residual.evaluation.metrics import wilson_interval
from residual.evaluation.predictions import Prediction
from residual.trust.judge import UNKNOWN, UNSURE, describe_threshold, name_precision

if TYPE_CHECKING:
    from rich.console import Console

TOP = 3  # labels of an image
_LEAST_NAME = 24  # columns that an image's name keeps in a terminal


def print_predictions(
    predictions: Sequence[Prediction], console: "Console", *, top: int | None = None, most: int | None = None
) -> None:
    """Print one line per image, then what was skipped, and the accuracy if the folders say what is right.

    Args:
        predictions: of the images.
        console: where to print. In a terminal long names are cut in the middle.
        top: labels of each image; None shows three, in a terminal only one if three do not fit.
        most: images that get a line; None shows all.
    """
    from rich.cells import cell_len

    listed = predictions[:most]
    names, answers, width = _lay_out(listed, console, top)
    for name, answer, prediction in zip(names, answers, listed, strict=True):
        if prediction.error:  # it names the file itself
            print_row(console, "", prediction.error, indent=0)
        else:
            _print_line(console, name + " " * (width - cell_len(name) + 2) + answer)
    if len(listed) < len(predictions):
        _print_line(console, f"... and {len(predictions) - len(listed):,} more images; print(...) shows all")
    for text, style in (
        (_describe_skipped(predictions), None),
        *((text, None) for text in _describe_doubts(predictions)),
        (_describe_accuracy(predictions), "bold"),
    ):
        if text:
            print_row(console, "", text, indent=0, style=style)


def _print_line(console: "Console", text: str) -> None:
    console.print(text, soft_wrap=True, markup=False, highlight=False)


def _lay_out(
    predictions: Sequence[Prediction], console: "Console", top: int | None
) -> tuple[list[str], list[str], int]:
    """Names, what is said behind them, and the columns of the longest name."""
    from rich.cells import cell_len

    names = [make_safe(console, prediction.image) for prediction in predictions]
    answers = [make_safe(console, _describe(prediction, top or TOP)) for prediction in predictions]
    named = [name for name, prediction in zip(names, predictions, strict=True) if not prediction.error]
    width = max(map(cell_len, named), default=0)
    if not console.is_terminal:
        return names, answers, width
    room = console.width - max(map(cell_len, answers), default=0) - 2
    if top is None and room < min(width, _LEAST_NAME):
        answers = [make_safe(console, _describe(prediction, 1)) for prediction in predictions]
        room = console.width - max(map(cell_len, answers), default=0) - 2
    width = min(width, max(_LEAST_NAME, room))
    return [truncate_middle(name, width) for name in names], answers, width


def _describe(prediction: Prediction, top: int) -> str:
    """What a line says behind the name; "" without a label."""
    if prediction.error:
        return ""
    text = f"{prediction.label}  {prediction.probability:.1%}"
    others = ", ".join(f"{name} {share:.1%}" for name, share in prediction.rank_labels()[1:top])
    text += f"  (then {others})" if others else ""
    text += f"  {prediction.doubt}" if prediction.doubt else ""
    label = prediction.folder_label
    return text if label in (None, prediction.label) else f"{text}  in the folder {label}"


def _describe_skipped(predictions: Sequence[Prediction]) -> str:
    """How many have no label; "" if all have one, or if there is nothing else to see."""
    skipped = sum(bool(prediction.error) for prediction in predictions)
    if not 0 < skipped < len(predictions):
        return ""
    was = "was" if skipped == 1 else "were"
    return f"{skipped:,} of {len(predictions):,} {was} skipped; the lines above say why"


def _describe_doubts(predictions: Sequence[Prediction]) -> list[str]:
    """What "unsure" and "unknown" mean in these lines, with a sentence for each that occurs."""
    unsure = [one for one in predictions if one.doubt == UNSURE]
    unknown = [one.verdict for one in predictions if one.doubt == UNKNOWN]
    texts, threshold = [], getattr(predictions, "threshold", None)
    if unsure:
        text = f"unsure: {len(unsure):,} of {len(predictions):,} images"
        if threshold is not None:
            text += f", chosen for a precision of {name_precision(threshold.precision)}: "
            text += describe_threshold(threshold)
        texts.append(text)
    if unknown and unknown[0] is not None:
        several = "unlike the training images; JSON and CSV say how far each is"
        reason = unknown[0].reason if len(unknown) == 1 else several
        texts.append(f"unknown: {len(unknown):,} of {len(predictions):,} images, {reason}")
    return texts


def _describe_accuracy(predictions: Sequence[Prediction]) -> str:
    """How many are right by the names of their folders; "" if fewer than two classes are among those."""
    pairs = [(prediction.folder_label, prediction.label) for prediction in predictions]
    known = [(label, predicted) for label, predicted in pairs if label is not None]
    if len({label for label, _ in known}) < 2:
        return ""
    correct, n = sum(label == predicted for label, predicted in known), len(known)
    low, high = (format_percent(end, n).rstrip("%") for end in wilson_interval(correct, n))
    return (
        f"accuracy {format_percent(correct / n, n)} by the names of the folders "
        f"({correct:,} of {n:,}; 95% interval {low}-{high}%)"
    )
