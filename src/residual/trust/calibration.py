"""How far confidence is from accuracy, and what of that is chance.

The expected calibration error is never 0 on few images: a network that can be taken at its word shows 8% on 60 images
with 15 bins. So every figure here comes with an interval and with what chance alone would give.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

BINS = 15
_DRAWS = 500
_AT_ONCE = 4_000_000  # values of all draws that are held at a time
_SEED = 0  # the same figures each time


@dataclass(frozen=True)
class CalibrationError:
    """The expected calibration error of some images.

    Attributes:
        error: mean over the images of |mean confidence - accuracy| of the bin that each is in, 0 to 1.
        interval: 95%, (low, high); low is 0 if chance alone would give as much.
        by_chance: the mean error of a network with the same probabilities that can be taken at its word.
        n: images.
    """

    error: float
    interval: tuple[float, float]
    by_chance: float
    n: int

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "calibration_error": self.error,
            "calibration_interval": list(self.interval),
            "calibration_by_chance": self.by_chance,
        }


@dataclass(frozen=True)
class ReliabilityBin:
    """The images whose top probability lies in one range; a reliability diagram has a bar for each.

    Attributes:
        low, high: the range, low excluded.
        n: images.
        confidence: mean top probability; 0 if there are no images.
        correct: images whose label is right.
    """

    low: float
    high: float
    n: int
    confidence: float
    correct: int


def measure_calibration(confidence: np.ndarray, correct: np.ndarray, bins: int = BINS) -> CalibrationError:
    """The expected calibration error with its interval.

    Images are sorted by their top probability into equal-width bins (0, 1/bins], (1/bins, 2/bins], ...

    The interval is the basic bootstrap's, which takes the upward bias of the error out: twice the error minus the
    quantiles of the resampled errors. The low end becomes 0 if a network that can be taken at its word would show such
    an error in more than 2.5% of draws.

    Args:
        confidence: (n,) top probabilities.
        correct: bool (n,), whether the label is right.
        bins: how many, at least 1.

    Source: Guo et al., "On Calibration of Modern Neural Networks", 2017, section 2, equation 3.
    """
    confidence = np.asarray(confidence, np.float64).clip(0.0, 1.0)
    which, random = _find_bins(confidence, bins), np.random.default_rng(_SEED)
    error = float(_sum_gaps(which, (confidence - correct)[None], bins)[0])
    resampled, honest = [], []
    size = max(1, min(_DRAWS, _AT_ONCE // len(confidence)))
    for start in range(0, _DRAWS, size):
        count = min(size, _DRAWS - start)
        drawn = random.integers(0, len(confidence), (count, len(confidence)))
        resampled.append(_sum_gaps(which[drawn], (confidence - correct)[drawn], bins))
        hits = random.random((count, len(confidence))) < confidence
        honest.append(_sum_gaps(which, confidence - hits, bins))
    chance = np.concatenate(honest)
    low, high = 2 * error - np.quantile(np.concatenate(resampled), (0.975, 0.025))
    if error <= np.quantile(chance, 0.975):
        low = 0.0
    interval = (float(np.clip(low, 0, error)), float(np.clip(high, error, 1)))
    return CalibrationError(error, interval, float(chance.mean()), len(confidence))


def list_reliability(
    confidence: np.ndarray, correct: np.ndarray, bins: int = BINS
) -> tuple[ReliabilityBin, ...]:
    """The bins of a reliability diagram, empty ones among them; the arguments are those of `measure_calibration`."""
    confidence = np.asarray(confidence, np.float64).clip(0.0, 1.0)
    which = _find_bins(confidence, bins)
    counts = np.bincount(which, minlength=bins)
    sums = np.bincount(which, weights=confidence, minlength=bins)
    hits = np.bincount(which, weights=correct, minlength=bins)
    return tuple(
        ReliabilityBin(i / bins, (i + 1) / bins, int(n), float(total / n) if n else 0.0, int(right))
        for i, (n, total, right) in enumerate(zip(counts, sums, hits, strict=True))
    )


def _find_bins(confidence: np.ndarray, bins: int) -> np.ndarray:
    inner_edges = np.linspace(0.0, 1.0, bins + 1)[1:-1]
    return np.digitize(confidence, inner_edges, right=True)


def _sum_gaps(which: np.ndarray, gaps: np.ndarray, bins: int) -> np.ndarray:
    """The error of each draw.

    Args:
        which: bin of each image, (n,) or (draws, n).
        gaps: confidence minus hit, (draws, n).

    Returns:
        (draws,). |mean confidence - accuracy| weighted by the bin's share is |sum| / n: empty bins drop out.
    """
    draws, n = gaps.shape
    cells = (np.arange(draws)[:, None] * bins + which).reshape(-1)
    sums = np.bincount(cells, weights=gaps.reshape(-1), minlength=draws * bins).reshape(draws, bins)
    return np.abs(sums).sum(1) / n
