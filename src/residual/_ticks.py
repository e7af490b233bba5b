"""Round values for the axis of a chart, and how they are written."""

from collections.abc import Callable, Sequence
from math import ceil, floor, log10


def choose_ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round values from below `low` to above `high`, about as many as asked."""
    if high <= low:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    rough = (high - low) / about
    size = 10.0 ** floor(log10(rough))
    step = next(factor * size for factor in (1, 2, 5, 10) if factor * size >= rough * 0.999)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def format_ticks(ticks: Sequence[float]) -> Callable[[float], str]:
    """A function that writes the values of an axis with the fewest digits that tell them apart."""
    step = ticks[1] - ticks[0]
    digits = max(0, -floor(log10(step) + 1e-9))
    return lambda value: f"{value:,.{digits}f}"
