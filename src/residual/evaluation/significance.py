"""Whether two accuracies differ by more than chance: on the same images, or on two sets of images."""

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from residual.errors import DataError
from residual.evaluation.metrics import LEVEL, wilson_interval


@dataclass(frozen=True)
class Difference:
    """The second accuracy minus the first.

    Attributes:
        value: -1 to 1.
        interval: its 95% interval, (low, high).
        beyond_chance: whether chance alone seldom, in less than `1 - level` of all cases, gives such a difference.
        level: 0.95, or more if several comparisons share the risk of a false alarm.
        paired: whether both were evaluated on the same images, one by one.
        only_first, only_second: images that only the first or only the second has right; None unless paired.
        p: of the exact McNemar test, 0 to 1; None unless paired.
    """

    value: float
    interval: tuple[float, float]
    beyond_chance: bool
    level: float = LEVEL
    paired: bool = False
    only_first: int | None = None
    only_second: int | None = None
    p: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return {**vars(self), "interval": list(self.interval)}


def compare_unpaired(first: tuple[int, int], second: tuple[int, int], comparisons: int = 1) -> Difference:
    """The difference of two accuracies that were measured on two sets of images.

    Args:
        first, second: (correct, n) of each.
        comparisons: how many share the 5% risk of a false alarm.

    Source: Newcombe, "Interval estimation for the difference between independent proportions", Statistics in
    Medicine 17 (1998), method 10: from the Wilson intervals of the two.
    """
    level = 1 - (1 - LEVEL) / comparisons
    low, high = _hybrid(first, second, 0.0, level)
    beyond = low > 0 or high < 0
    return Difference(_share(second) - _share(first), _hybrid(first, second, 0.0, LEVEL), beyond, level)


def compare_paired(first: np.ndarray, second: np.ndarray, comparisons: int = 1) -> Difference:
    """The difference of two accuracies on the same images.

    Only the images that one has right and the other has wrong distinguish the two: if neither is better, each of these
    falls to either side like a coin (McNemar's test in its exact, binomial form).

    Args:
        first, second: bool (n,): which images each has right.
        comparisons: how many share the 5% risk of a false alarm.

    Raises:
        DataError: if the two differ in length or are empty.

    Source of the interval: Newcombe, "Improved confidence intervals for the difference between binomial proportions
    based on paired data", Statistics in Medicine 17 (1998), method 10.
    """
    from scipy.stats import binomtest

    if first.shape != second.shape or not first.size:
        raise DataError(
            f"first and second must be of one length, at least 1; got {first.shape} and {second.shape}"
        )
    level = 1 - (1 - LEVEL) / comparisons
    n, only_first, only_second = len(first), int((first & ~second).sum()), int((second & ~first).sum())
    apart = only_first + only_second
    p = float(binomtest(only_second, apart, 0.5).pvalue) if apart else 1.0
    counts = (int(first.sum()), n), (int(second.sum()), n)
    interval = _hybrid(*counts, _correlation(int((first & second).sum()), only_first, only_second, n), LEVEL)
    value = (only_second - only_first) / n
    return Difference(value, interval, p < 1 - level, level, True, only_first, only_second, p)


def _share(counts: tuple[int, int]) -> float:
    return counts[0] / counts[1]


def _hybrid(
    first: tuple[int, int], second: tuple[int, int], correlation: float, level: float
) -> tuple[float, float]:
    """The interval of second - first from the Wilson intervals of both and their correlation."""
    p1, p2 = _share(first), _share(second)
    (low1, high1), (low2, high2) = wilson_interval(*first, level), wilson_interval(*second, level)

    def reach(a: float, b: float) -> float:
        return sqrt(max(0.0, a * a - 2 * correlation * a * b + b * b))

    return p2 - p1 - reach(p2 - low2, high1 - p1), p2 - p1 + reach(high2 - p2, p1 - low1)


def _correlation(both: int, only_first: int, only_second: int, n: int) -> float:
    """phi of the two by two table; a positive numerator is made smaller by n/2, as in Newcombe's method 10."""
    neither = n - both - only_first - only_second
    one, other = both + only_first, both + only_second
    scale = sqrt(one * (n - one) * other * (n - other))
    if not scale:
        return 0.0
    numerator = both * neither - only_first * only_second
    return (max(numerator - n / 2, 0.0) if numerator > 0 else float(numerator)) / scale
