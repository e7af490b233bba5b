"""How good the predictions are, with the uncertainty that the size of the test set leaves.

Everything here is NumPy on arrays that are already in memory: probabilities (n, k), one row per image, and
labels (n,), the number of each image's true class.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from residual._console import preformat_html, render_text
from residual.errors import DataError
from residual.evaluation.trusted import BeforeCalibration, Selection
from residual.evaluation.views import ViewScores
from residual.evaluation.wording import headline
from residual.trust.calibration import BINS, measure_calibration
from residual.trust.temperature import find_nll

LEVEL = 0.95

# bfloat16 keeps 8 significant bits, so an honest softmax can miss 1 by a few per cent; logits miss by more.
SUM_TOLERANCE = 0.05


@dataclass(frozen=True)
class ClassScore:
    """One class against the rest. A ratio is None if its denominator is 0.

    precision: of the images given this class, the share that has it; None if the class was never predicted.
    recall: of the images that have this class, the share that was found; None if there are no such images.
    f1: 2 tp / (2 tp + fp + fn); None if the class was neither predicted nor present.
    support: the number of images that have this class.
    """

    name: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


@dataclass(frozen=True, eq=False)
class Scores:
    """How good a set of predictions is; made by `score`. `print` and a notebook show the report.

    n, correct: images in the set, and those whose most probable class is the true one.
    accuracy: correct / n, in 0..1.
    interval: Wilson's 95% interval of the accuracy, (low, high) in 0..1.
    nll: mean negative log-likelihood of the true class in nats; its probability is taken as 1e-7 at least.
    calibration_error: expected calibration error in 0..1, 15 equal bins of the top probability.
    calibration_interval: its 95% interval, (low, high).
    calibration_by_chance: what a network that can be taken at its word would show on as many images, in the mean.
    balanced_accuracy: the mean recall of the classes that have images.
    classes: the names of the k classes, in label order.
    per_class: one ClassScore for each class, in the same order.
    confusion: (k, k) whole numbers, rows true, columns predicted; read-only.
    leaked: how many of the images the model was trained or selected on; None if that is not known.
    without_leaked: the Scores of the others; None if no image leaked, or all of them.
    before_calibration: the same network before its probabilities were calibrated; None if they were not.
    selection: what is left if unsure images are set aside; None if no precision was asked for.
    with_views: what the mean of several views of each image reaches; None if none were asked for.
    """

    n: int
    correct: int
    accuracy: float
    interval: tuple[float, float]
    nll: float
    calibration_error: float
    calibration_interval: tuple[float, float]
    calibration_by_chance: float
    balanced_accuracy: float
    classes: tuple[str, ...]
    per_class: tuple[ClassScore, ...]
    confusion: np.ndarray
    leaked: int | None = None
    without_leaked: "Scores | None" = None
    before_calibration: BeforeCalibration | None = None
    selection: Selection | None = None
    with_views: ViewScores | None = None

    def __str__(self) -> str:
        from residual.evaluation.report import print_scores

        return render_text(lambda console: print_scores(self, console, title="Scores"), width=100)

    def __repr__(self) -> str:
        return f"Scores({headline(self)})"

    def _repr_html_(self) -> str:
        return preformat_html(str(self))

    def to_dict(self) -> dict[str, Any]:
        """Lists, strings, Python numbers and None, without NaN: the same after a trip through JSON."""
        return {
            "n": self.n,
            "correct": self.correct,
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "nll": self.nll,
            "calibration_error": self.calibration_error,
            "calibration_interval": list(self.calibration_interval),
            "calibration_by_chance": self.calibration_by_chance,
            "balanced_accuracy": self.balanced_accuracy,
            "classes": list(self.classes),
            "per_class": [dict(vars(row)) for row in self.per_class],
            "confusion": self.confusion.tolist(),
            "leaked": self.leaked,
            "without_leaked": self.without_leaked and self.without_leaked.to_dict(),
            "before_calibration": self.before_calibration and self.before_calibration.to_dict(),
            "selection": self.selection and self.selection.to_dict(),
            "with_views": self.with_views and self.with_views.to_dict(),
        }


def wilson_interval(correct: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """The interval of true accuracies that `correct` out of `n` leaves plausible.

    Wilson's score interval, without continuity correction: unlike p +- 1.96 standard errors it stays inside
    [0, 1] and does not shrink to a point when everything, or nothing, is right.

    Args:
        correct: successes, 0 to n.
        n: trials, at least 1.
        level: confidence level, strictly between 0 and 1.

    Returns:
        (low, high), as fractions; correct / n lies within.

    Raises:
        DataError: an argument is out of its range.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    if n < 1:
        raise DataError(f"n must be at least 1; got {n}")
    if not 0 <= correct <= n:
        raise DataError(f"correct must be between 0 and n = {n}; got {correct}")
    if not 0 < level < 1:
        raise DataError(f"level must lie strictly between 0 and 1, such as 0.95; got {level}")
    # The lower tail: (1 + level) / 2 would round to 1, which has no quantile, for levels very close to 1.
    z = -NormalDist().inv_cdf((1 - level) / 2)
    p = correct / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # Exact arithmetic puts p inside and the ends within [0, 1]; rounding can miss by a last bit.
    return max(0.0, min(p, middle - reach)), min(1.0, max(p, middle + reach))


def calibration_error(probabilities: ArrayLike, labels: ArrayLike, bins: int = BINS) -> float:
    """Expected calibration error: how far confidence is from accuracy, on average over the images.

    Images are sorted by their top probability into equal-width bins (0, 1/bins], (1/bins, 2/bins], ...; the
    result is the mean over images of |mean confidence - accuracy| of the bin that each is in.

    Args:
        probabilities: (n, k), rows that sum to 1.
        labels: (n,) class numbers, 0 to k - 1.
        bins: number of bins, at least 1.

    Returns:
        0 (confidence can be taken at its word) to 1.

    Raises:
        DataError: as `score`, or bins is less than 1.

    Source: Guo et al., "On Calibration of Modern Neural Networks", 2017, section 2, equation 3.
    """
    if bins < 1:
        raise DataError(f"bins must be at least 1; got {bins}")
    checked = _checked_probabilities(probabilities)
    truth = _checked_labels(labels, *checked.shape)
    return measure_calibration(checked.max(axis=1), truth == checked.argmax(axis=1), bins).error


def score(probabilities: ArrayLike, labels: ArrayLike, classes: Sequence[str]) -> Scores:
    """Everything that is reported about one set of predictions.

    The predicted class is the most probable one, and the first of them when several tie.

    Args:
        probabilities: (n, k) finite numbers, rows that sum to 1 (give 5% for low precision).
        labels: (n,) whole numbers, 0 to k - 1.
        classes: k names, in label order.

    Returns:
        Scores.

    Raises:
        DataError: naming the argument with a wrong shape, an unknown label, no rows, a number that is not
            finite, or rows that are not probabilities (logits, most likely).
    """
    if isinstance(classes, str):
        raise DataError(
            f"classes must be a sequence of names, such as ['cat', 'dog']; got the string {classes!r}"
        )
    names = tuple(str(name) for name in classes)
    checked = _checked_probabilities(probabilities)
    n, k = checked.shape
    if len(names) != k:
        raise DataError(f"classes must name the {k} columns of probabilities; got {len(names)} names")
    truth = _checked_labels(labels, n, k)
    predicted = checked.argmax(axis=1)
    hits = predicted == truth
    correct = int(hits.sum())
    confusion = np.bincount(truth * k + predicted, minlength=k * k).reshape(k, k)
    confusion.setflags(write=False)
    rows = _per_class(confusion, names)
    calibration = measure_calibration(checked.max(axis=1), hits)
    recalls = [row.recall for row in rows if row.recall is not None]
    return Scores(
        n=n,
        correct=correct,
        accuracy=correct / n,
        interval=wilson_interval(correct, n),
        nll=find_nll(checked, truth),
        calibration_error=calibration.error,
        calibration_interval=calibration.interval,
        calibration_by_chance=calibration.by_chance,
        balanced_accuracy=sum(recalls) / len(recalls),
        classes=names,
        per_class=rows,
        confusion=confusion,
    )


def _per_class(confusion: np.ndarray, names: tuple[str, ...]) -> tuple[ClassScore, ...]:
    found = np.diagonal(confusion).tolist()
    support = confusion.sum(axis=1).tolist()
    claimed = confusion.sum(axis=0).tolist()
    return tuple(
        ClassScore(name, _ratio(tp, given), _ratio(tp, real), _ratio(2 * tp, given + real), real)
        for name, tp, real, given in zip(names, found, support, claimed, strict=True)
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _checked_probabilities(probabilities: ArrayLike) -> np.ndarray:
    """A finite float array (n, k) with n, k >= 1 whose rows sum to 1, or a DataError."""
    array = _as_array("probabilities", probabilities)
    if array.dtype.kind != "f":  # whole numbers, and bfloat16, which NumPy does not count among its floats
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError):
            raise DataError(f"probabilities must be numbers; got an array of {array.dtype}") from None
    if array.ndim != 2 or array.shape[1] == 0:
        raise DataError(f"probabilities must have shape (images, classes); got {array.shape}")
    if len(array) == 0:
        raise DataError("probabilities has no rows (n = 0): there is nothing to score")
    finite = np.isfinite(array).all(axis=1)
    if not finite.all():
        raise DataError(
            f"probabilities must be finite; {_count(~finite)} hold NaN or infinity, the first is row "
            f"{int(finite.argmin())}. The network has probably diverged"
        )
    sums = array.sum(axis=1, dtype=np.float64)
    proper = (array.min(axis=1) >= 0) & (np.abs(sums - 1) <= SUM_TOLERANCE)
    if not proper.all():
        first = int(proper.argmin())
        raise DataError(
            f"probabilities must be 0 or more and sum to 1 in each row; {_count(~proper)} do not, "
            f"the first is row {first} (smallest {array[first].min():.4g}, sum {sums[first]:.4g}). "
            "Apply a softmax if these are logits"
        )
    return array


def _checked_labels(labels: ArrayLike, n: int, k: int) -> np.ndarray:
    """Class numbers (n,) as the platform's index type, or a DataError."""
    array = _as_array("labels", labels)
    if array.shape != (n,):
        raise DataError(
            f"labels must have shape ({n},), one class number per row of probabilities; got {array.shape}"
        )
    if array.dtype.kind not in "iu":
        raise DataError(f"labels must be whole numbers; got an array of {array.dtype}")
    known = (array >= 0) & (array < k)
    if not known.all():
        first = int(known.argmin())
        raise DataError(f"labels must lie between 0 and {k - 1}; got {array[first]} at position {first}")
    return array.astype(np.intp)


def _as_array(argument: str, values: ArrayLike) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError as ragged:
        raise DataError(f"{argument} must be one regular array: {ragged}") from None


def _count(rows: ArrayLike) -> str:
    return f"{np.count_nonzero(rows)} of {np.size(rows)} rows"
