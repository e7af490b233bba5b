"""Calibration and selection in sentences, for the report in a terminal."""

from typing import TYPE_CHECKING

from residual._text import format_percent
from residual.trust.judge import describe_threshold, name_precision

if TYPE_CHECKING:
    from residual.evaluation.metrics import Scores
    from residual.evaluation.trusted import Selection


def describe_trust(scores: "Scores") -> list[str]:
    """Lines on how far the probabilities can be believed."""
    before, n = scores.before_calibration, scores.n
    nll = f"negative log-likelihood {scores.nll:.4f} nats per image"
    low, high = (format_percent(end, n).rstrip("%") for end in scores.calibration_interval)
    error = (
        f"calibration error {format_percent(scores.calibration_error, n)} (expected, 15 bins; 95% interval "
        f"{low}-{high}%; chance alone {format_percent(scores.calibration_by_chance, n)})"
    )
    if before is not None:
        nll += f"; {before.nll:.4f} before calibration"
        error += f"; {format_percent(before.calibration.error, n)} before calibration"
    return [nll, error, *(_describe_selection(scores.selection) if scores.selection else ())]


def _describe_selection(selection: "Selection") -> list[str]:
    threshold, n = selection.threshold, selection.n
    wanted = name_precision(threshold.precision)
    coverage = format_percent(selection.coverage, n)
    first = f"at a precision of {wanted}: {coverage} of the images are sure ({selection.kept} of {n})"
    if selection.interval is not None and selection.precision is not None:
        low, high = (format_percent(end, selection.kept).rstrip("%") for end in selection.interval)
        first += (
            f", {format_percent(selection.precision, selection.kept)} of them right ({selection.correct}; 95% interval "
            f"{low}-{high}%)"
        )
    return [first, f"  {describe_threshold(threshold)}"]
