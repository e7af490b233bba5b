"""The probability from which on a network is right as often as somebody wants.

The threshold is chosen on validation images. A few of them cannot promise much: 24 images that are all right leave a
precision of 88% possible. So a threshold says how many images it stands on, and what they leave possible.
"""

from math import log, log1p
from typing import Any

import msgspec
import numpy as np

from residual.errors import DataError

USUAL = (0.9, 0.95, 0.99)  # precisions that the facts of a run and a model card list
DEFAULT = 0.95  # of predict


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """The least probability that counts as sure.

    Attributes:
        precision: the share of right labels that was wanted, such as 0.99.
        probability: the threshold, 0 to 1. Images below it are unsure.
        n: validation images at or above it.
        correct: those of them whose label is right.
        of: validation images in all.
        least_precision: the precision that the n images leave possible, the low end of a one-sided 95% interval.
        reached: whether the validation images above the threshold are right as often as was wanted.
    """

    precision: float
    probability: float
    n: int
    correct: int
    of: int
    least_precision: float
    reached: bool

    @property
    def is_promised(self) -> bool:
        """Whether the validation images suffice to promise the precision."""
        return self.least_precision >= self.precision

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**msgspec.to_builtins(self), "is_promised": self.is_promised}


def parse_precision(value: float | str, argument: str = "precision_at") -> float:
    """The share that "99%", "0.99" or 0.99 stands for.

    Raises:
        DataError: if it is none, or not above 0 and below 1.
    """
    text = str(value).strip()
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = 0.0
    if isinstance(value, bool) or not 0 < share < 1:
        raise DataError(
            f"{argument} must be a share such as 99% or 0.99, above 0 and below 1; got {value!r}."
        )
    return share


def choose_threshold(confidence: np.ndarray, correct: np.ndarray, precision: float) -> Threshold:
    """The lowest probability at which both the share of right labels and the mean probability reach a precision.

    The labels alone say little if there are few images; the probabilities, which are calibrated, alone would be
    trusted too far. If no probability qualifies, the threshold is the precision itself.

    Args:
        confidence: (n,) top probabilities of validation images.
        correct: bool (n,), whether the label is right.
        precision: the share of right labels that is wanted, 0 to 1.
    """
    order = np.argsort(-confidence, kind="stable")
    sure, hits = np.asarray(confidence, np.float64)[order], np.asarray(correct, bool)[order]
    counts = np.arange(1, len(sure) + 1)
    is_last = np.append(sure[1:] < sure[:-1], True)  # of those with the same probability
    right = np.minimum(np.cumsum(hits) / counts, np.cumsum(sure) / counts) >= precision
    fit = np.flatnonzero(right & is_last)
    n = int(fit[-1]) + 1 if len(fit) else int((sure >= precision).sum())
    probability = _round_down(float(sure[n - 1])) if len(fit) else precision
    found = int(hits[:n].sum())
    return Threshold(
        precision=precision,
        probability=probability,
        n=n,
        correct=found,
        of=len(sure),
        least_precision=find_least_share(found, n),
        reached=bool(n) and found / n >= precision,
    )


def _round_down(probability: float) -> float:
    """With six digits, so that a card says what is compared; never above the image that it was chosen by."""
    return float(np.floor(probability * 1e6) / 1e6)


def find_least_share(correct: int, n: int, level: float = 0.95) -> float:
    """The smallest true share that `correct` of `n` leaves plausible: the exact one-sided bound of Clopper and Pearson.

    Args:
        correct: successes, 0 to n.
        n: trials.
        level: confidence level.
    """
    if not correct:
        return 0.0
    logs = _log_choose(n, correct)
    hits = np.arange(correct, n + 1)
    low, high = 0.0, 1.0
    while (
        True
    ):  # until no number lies between them; without SciPy, whose import takes longer than a prediction
        share = (low + high) / 2
        if share in (low, high):
            return share
        terms = logs + hits * log(share) + (n - hits) * log1p(-share)
        largest = float(terms.max())
        if largest + log(float(np.exp(terms - largest).sum())) < log(1 - level):
            low = share
        else:
            high = share


def _log_choose(n: int, least: int) -> np.ndarray:
    """Logarithms of the binomial coefficients n over k, for k from `least` to n."""
    hits = np.arange(least, n)  # n over k is n over k + 1 times (k + 1) / (n - k)
    steps = np.log((hits + 1) / (n - hits))
    return np.append(np.cumsum(steps[::-1])[::-1], 0.0)


def count_needed(precision: float, level: float = 0.95) -> int:
    """How many images without a mistake promise a precision: 299 for 99%, 59 for 95%."""
    return int(np.ceil(np.log(1 - level) / np.log(precision)))
