"""Whether a prediction is sure, unsure, or of something that the network does not know; and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from residual._text import format_percent
from residual.trust.distance import DistanceLimit
from residual.trust.thresholds import Threshold, count_needed

SURE, UNSURE, UNKNOWN = "sure", "unsure", "unknown"


@dataclass(frozen=True)
class Verdict:
    """What to think of one prediction.

    Attributes:
        word: "sure", "unsure" or "unknown".
        reason: a sentence; "" if it is sure.
        distance: to the training images; None if it is not measured.
    """

    word: str
    reason: str = ""
    distance: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"verdict": self.word, "reason": self.reason, "distance": self.distance}


def judge(
    confidence: np.ndarray,
    threshold: Threshold,
    distances: np.ndarray | None = None,
    limit: DistanceLimit | None = None,
) -> list[Verdict]:
    """A verdict for each image. An image unlike the training images is unknown, however high its probability is.

    Args:
        confidence: (n,) top probabilities.
        threshold: below which they are unsure.
        distances: (n,) to the training images; None if they are not measured.
        limit: of the distances.
    """
    far: Sequence[float | None] = [None] * len(confidence) if distances is None else [*map(float, distances)]
    return [
        _judge_one(float(share), threshold, distance, limit)
        for share, distance in zip(confidence, far, strict=True)
    ]


def _judge_one(
    share: float, threshold: Threshold, distance: float | None, limit: DistanceLimit | None
) -> Verdict:
    if limit is not None and distance is not None and not distance <= limit.distance:
        within = format_percent(1 - limit.false_alarms, 100)
        return Verdict(
            UNKNOWN,
            f"unlike the training images: its distance is {distance:.1f}, and {within} of known images lie within "
            f"{limit.distance:.1f}",
            distance,
        )
    if share < threshold.probability:
        return Verdict(
            UNSURE,
            f"its probability {share:.1%} is below {threshold.probability:.1%}, chosen for a precision of "
            f"{name_precision(threshold.precision)}",
            distance,
        )
    return Verdict(SURE, "", distance)


def name_precision(precision: float) -> str:
    """0.99 as "99%", 0.995 as "99.5%"."""
    return f"{100 * precision:.6g}%"


def describe_threshold(threshold: Threshold) -> str:
    """What a threshold stands on, as a sentence without a full stop."""
    if not threshold.n:
        return (
            f"no validation image of {threshold.of} reaches {threshold.probability:.1%}: the threshold is the wanted "
            "precision itself, and nothing checks it"
        )
    share = format_percent(threshold.correct / threshold.n, threshold.n)
    text = (
        f"of the {threshold.of} validation images {threshold.n} reach {threshold.probability:.1%}, and {share} of "
        f"those are right ({threshold.correct})"
    )
    if threshold.is_promised:
        return f"{text}; at least {threshold.least_precision:.1%} with 95% certainty"
    needed = count_needed(threshold.precision)
    return (
        f"{text}; that leaves {threshold.least_precision:.1%} possible: to promise "
        f"{name_precision(threshold.precision)} takes {needed} validation images without a mistake, or more"
    )
