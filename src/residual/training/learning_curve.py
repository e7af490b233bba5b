"""From the accuracies of a few short trainings to that of a longer one, with a range.

The curve is 1 - err, err = err0 / (1 + (epochs / t)^b), err0 that of guessing: log(err0 / err - 1) is a straight line
in log(epochs). Each point is a whole training with its whole schedule, so that nothing is read off an unfinished one.
Between points the curve is a line. Beyond the last one it keeps a share of its slope, and the range gets wider;
docs/plan.md compares that with what trainings reached.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Share of the line's slope that stays beyond the last point: at least, most likely, at most.
FLATTENING = (0.3, 0.6, 1.0)
_SPREAD = 1.64  # standard errors: nine of ten values lie within
_SEEDS = 2.0  # how much more single trainings vary than the choice of the images alone


@dataclass(frozen=True)
class Point:
    """One training.

    Attributes:
        epochs: as many passes over all training images; below 1 for a part of the images.
        correct, images: of how many images how many were classified correctly.
    """

    epochs: float
    correct: int
    images: int

    @property
    def accuracy(self) -> float:
        return self.correct / self.images


@dataclass(frozen=True)
class Prediction:
    """An accuracy: the most likely one, and the range that nine of ten trainings should end in."""

    low: float
    likely: float
    high: float


class LearningCurve:
    """Accuracy by epochs.

    Args:
        points: short trainings, at least two of different length.
        classes: how many there are.
        anchor: a long training that was measured before, with which the curve ends; None extrapolates.
    """

    def __init__(self, points: Sequence[Point], classes: int, anchor: Point | None = None):
        self._guess, self._anchor = 1 - 1 / classes, anchor
        ordered = sorted(points, key=lambda point: point.epochs)
        x = np.array([math.log(point.epochs) for point in ordered])
        heights, errors = zip(*(self._lift(point, _SEEDS) for point in ordered), strict=True)
        weights = 1 / np.square(errors)
        middle = np.average(x, weights=weights)
        self._slope = max(
            0.0, float(np.sum(weights * (x - middle) * heights) / np.sum(weights * (x - middle) ** 2))
        )
        height = float(np.average(heights, weights=weights))
        self._start, self._end = float(x[0]), float(x[-1])
        self._at_end = height + self._slope * (self._end - middle)
        self._error = float(1 / np.sqrt(weights.sum()))

    def _lift(self, point: Point, factor: float = 1.0) -> tuple[float, float]:
        """log(err0 / err - 1) of a point, and its standard error, that of the choice of images times a factor."""
        # Half an image at least: an error of 0 is not known from so few.
        share = min(max(1 - point.accuracy, 0.5 / point.images), 0.98 * self._guess)
        deviation = math.sqrt(share * (1 - share) / point.images) * factor
        return math.log(self._guess / share - 1), self._guess / (share * (self._guess - share)) * deviation

    def _lower(self, height: float) -> float:
        """The accuracy of a height."""
        return 1 - self._guess / (1 + math.exp(min(height, 50.0)))

    def predict(self, epochs: float) -> Prediction:
        """The accuracy after a training of so many epochs."""
        x = math.log(epochs)
        if x <= self._end:
            likely = self._at_end + self._slope * (x - self._end)
            heights = [likely + sign * _SPREAD * self._error for sign in (-1, 0, 1)]
        elif self._anchor is not None:
            heights = self._join(x)
        else:
            steps = [self._at_end + share * self._slope * (x - self._end) for share in FLATTENING]
            heights = [
                height + sign * _SPREAD * self._error for sign, height in zip((-1, 0, 1), steps, strict=True)
            ]
        return Prediction(*(self._lower(height) for height in heights))

    def _join(self, x: float) -> list[float]:
        """Heights on the lines from the last point to the anchor; beyond it, no higher than the anchor."""
        assert self._anchor is not None
        height, error = self._lift(self._anchor)
        share = min(1.0, (x - self._end) / max(math.log(self._anchor.epochs) - self._end, 1e-9))
        likely = self._at_end + share * (height - self._at_end)
        spread = _SPREAD * (self._error + share * (error - self._error))
        return [likely - spread, likely, likely + spread]

    def find_epochs(self, target: float, most: int) -> int | None:
        """The fewest whole epochs that most likely reach a target; None if not even `most` do."""
        return next((n for n in range(1, most + 1) if self.predict(n).likely >= target), None)

    def find_safe_epochs(self, target: float, most: int) -> int | None:
        """The fewest whole epochs at which the low end of the range reaches a target; None if not even `most` do."""
        return next((n for n in range(1, most + 1) if self.predict(n).low >= target), None)
