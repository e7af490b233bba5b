"""Several seeds of one figure: mean, spread, and whether two groups differ by more than the seeds do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite


@dataclass(frozen=True)
class Spread:
    """One figure, measured once for each seed.

    Attributes:
        values: the figures that are finite.
    """

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of values, those that are not finite left out."""
        return cls(tuple(float(value) for value in values if isfinite(value)))

    @property
    def mean(self) -> float:
        """nan if there is no value."""
        return sum(self.values) / len(self.values) if self.values else float("nan")

    @property
    def low(self) -> float:
        return min(self.values, default=float("nan"))

    @property
    def high(self) -> float:
        return max(self.values, default=float("nan"))

    @property
    def width(self) -> float:
        """Highest minus lowest; 0 of a single value, which says nothing of the spread."""
        return self.high - self.low if self.values else 0.0

    def describe(self, write: Callable[[float], str]) -> str:
        """ "41.2% (39.8% to 42.5% over 3 seeds)", or the figure alone of one seed.

        Args:
            write: writes one figure.
        """
        if len(self.values) < 2:
            return write(self.mean)
        return f"{write(self.mean)} ({write(self.low)} to {write(self.high)} over {len(self.values)} seeds)"


def judge_difference(first: Spread, second: Spread) -> str:
    """Whether `second` differs from `first` by more than the seeds do.

    Returns:
        "higher" or "lower" if all seeds of the second lie on one side of all of the first, and the means are further
        apart than either group is wide; "higher once" or "lower once" if a group has one seed, so that the spread is
        not known; "unclear" otherwise.
    """
    if not (first.values and second.values):
        return "unclear"
    difference = second.mean - first.mean
    direction = "higher" if difference > 0 else "lower"
    if min(len(first.values), len(second.values)) < 2:
        return f"{direction} once" if difference else "unclear"
    apart = first.high < second.low or second.high < first.low
    return direction if apart and abs(difference) > max(first.width, second.width) else "unclear"
