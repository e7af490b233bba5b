"""What test images say about calibration and about setting unsure images aside."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from residual.trust.calibration import CalibrationError, measure_calibration
from residual.trust.facts import TrustFacts
from residual.trust.temperature import apply_temperature, find_nll
from residual.trust.thresholds import Threshold

if TYPE_CHECKING:
    from residual.evaluation.metrics import Scores


@dataclass(frozen=True)
class BeforeCalibration:
    """The scores that the probabilities had before the weights were divided by a temperature; labels are the same.

    Attributes:
        temperature: by which the logits are divided now.
        nll: mean negative log-likelihood in nats.
        calibration: the expected calibration error.
    """

    temperature: float
    nll: float
    calibration: CalibrationError

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"temperature": self.temperature, "nll": self.nll, **self.calibration.to_dict()}


@dataclass(frozen=True)
class Selection:
    """Test images whose probability reaches a threshold that validation images chose; the others are unsure.

    Attributes:
        threshold: chosen on the validation images.
        n: test images.
        kept: those that reach the threshold.
        correct: of those, the ones whose label is right.
        interval: 95%, of the share of right labels among the kept; None if none is kept.
    """

    threshold: Threshold
    n: int
    kept: int
    correct: int
    interval: tuple[float, float] | None

    @property
    def coverage(self) -> float:
        """Share of the images that are kept."""
        return self.kept / self.n

    @property
    def precision(self) -> float | None:
        """Share of right labels among the kept; None if none is kept."""
        return self.correct / self.kept if self.kept else None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "threshold": self.threshold.to_dict(),
            "n": self.n,
            "kept": self.kept,
            "correct": self.correct,
            "coverage": self.coverage,
            "precision": self.precision,
            "interval": self.interval and list(self.interval),
        }


def add_trust(
    scores: "Scores",
    rows: np.ndarray,
    labels: np.ndarray,
    facts: TrustFacts | None,
    precision_at: float | None,
) -> "Scores":
    """The same scores with what the facts of the run add.

    Args:
        scores: of these images.
        rows: (n, k) the probabilities that the network gave.
        labels: (n,) the numbers of the true classes.
        facts: of the run; None if it has none, and nothing is added.
        precision_at: the precision that is wanted, 0 to 1; None sets no image aside.
    """
    if facts is None:
        return scores
    if facts.temperature != 1:
        scores = replace(scores, before_calibration=_undo(rows, labels, facts.temperature))
    if precision_at is not None:
        selection = _select(rows, labels, facts.choose_threshold(precision_at))
        scores = replace(scores, selection=selection)
    return scores


def _undo(rows: np.ndarray, labels: np.ndarray, temperature: float) -> BeforeCalibration:
    raw = apply_temperature(rows, 1 / temperature)
    error = measure_calibration(raw.max(1), raw.argmax(1) == labels)
    return BeforeCalibration(temperature, find_nll(raw, labels), error)


def _select(rows: np.ndarray, labels: np.ndarray, threshold: Threshold) -> Selection:
    from residual.evaluation.metrics import wilson_interval

    kept = rows.max(1) >= threshold.probability
    correct = int((rows.argmax(1) == labels)[kept].sum())
    n = int(kept.sum())
    return Selection(threshold, len(rows), n, correct, wilson_interval(correct, n) if n else None)
