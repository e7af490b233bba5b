"""Reliability diagrams: how often the network is right when it is so sure."""

from dataclasses import dataclass

import numpy as np

from residual._text import format_percent
from residual.reporting.judged import JudgedRun
from residual.trust.calibration import list_reliability, measure_calibration
from residual.trust.temperature import apply_temperature

SIDE, MARGIN = 240, 44  # of the square that the bars are drawn in, and left and below of it
_BINS = 10


@dataclass(frozen=True)
class Bar:
    """A bar of the diagram, in units of the drawing; `share` of the images are in it."""

    x: float
    y: float
    width: float
    height: float
    confidence: float
    accuracy: float
    n: int
    share: float


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram.

    Attributes:
        title: a sentence, what is to be seen.
        bars: of the bins that have images.
    """

    title: str
    bars: tuple[Bar, ...]

    side, margin = SIDE, MARGIN


def draw_reliability(run: JudgedRun) -> list[Reliability]:
    """The diagrams before and after calibration; of validation images if the test images have not been read."""
    answers, facts = run.answers, run.facts
    if answers is None:
        if facts is None:
            return []
        return [_draw("Validation images, calibrated on the same images", facts.confidence, facts.correct)]
    drawn = []
    if run.probabilities is not None and facts is not None and facts.temperature != 1:
        raw = apply_temperature(run.probabilities, 1 / facts.temperature)
        drawn.append(_draw("Before calibration", raw.max(1), answers.right))
    calibrated = facts is not None and facts.temperature != 1
    name = f"Calibrated, temperature {facts.temperature:.2f}" if calibrated else "Not calibrated"
    return [*drawn, _draw(name, answers.confidence, answers.right)]


def _draw(name: str, confidence: np.ndarray, correct: np.ndarray) -> Reliability:
    error, n = measure_calibration(confidence, correct), len(correct)
    low, high = (format_percent(end, n).rstrip("%") for end in error.interval)
    title = (
        f"{name}: calibration error {format_percent(error.error, n)} (95% interval {low} to {high}%); chance alone "
        f"gives {format_percent(error.by_chance, n)}"
    )
    bars = [
        Bar(
            x=round(MARGIN + one.low * SIDE + 1, 1),
            y=round((1 - one.correct / one.n) * SIDE, 1),
            width=round((one.high - one.low) * SIDE - 2, 1),
            height=round(one.correct / one.n * SIDE, 1),
            confidence=one.confidence,
            accuracy=one.correct / one.n,
            n=one.n,
            share=one.n / n,
        )
        for one in list_reliability(confidence, correct, _BINS)
        if one.n
    ]
    return Reliability(title, tuple(bars))
