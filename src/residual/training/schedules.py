"""Learning-rate schedules: small values, and pure functions from step to rate."""

from dataclasses import asdict, dataclass

import numpy as np

from residual.errors import RecipeError


@dataclass(frozen=True)
class Constant:
    """One rate throughout."""

    rate: float
    kind = "constant"

    def rates(self, steps_per_epoch: int, epochs: int) -> np.ndarray:
        return np.full(steps_per_epoch * epochs, self.rate, np.float32)


@dataclass(frozen=True)
class OneCycle:
    """Up along a cosine from 1/25 of `peak`, then down along a cosine to 1/10,000 of it (arXiv:1708.07120).

    Attributes:
        peak: the highest rate.
        warmup: share of all steps that go up.
    """

    peak: float
    warmup: float = 0.25
    kind = "one-cycle"

    def rates(self, steps_per_epoch: int, epochs: int) -> np.ndarray:
        total = steps_per_epoch * epochs
        up = max(1, round(self.warmup * total))
        down = max(1, total - up)
        rise = _cosine(self.peak / 25, self.peak, np.arange(up) / up)
        fall = _cosine(self.peak, self.peak / 1e4, (np.arange(down) + 1) / down)
        return np.concatenate([rise, fall])[:total].astype(np.float32)


@dataclass(frozen=True)
class Steps:
    """A rate for each stretch of epochs.

    Attributes:
        rates_from: pairs (epoch, rate), epochs counted from 0, the first pair at epoch 0.
    """

    rates_from: tuple[tuple[int, float], ...]
    kind = "steps"

    def __post_init__(self):
        pairs = tuple((int(epoch), float(rate)) for epoch, rate in self.rates_from)
        if not pairs or pairs[0][0] != 0 or list(pairs) != sorted(pairs):
            raise RecipeError(f"schedule steps: rates_from must start at epoch 0 and ascend; got {list(pairs)}.")
        object.__setattr__(self, "rates_from", pairs)

    def rates(self, steps_per_epoch: int, epochs: int) -> np.ndarray:
        starts, rates = zip(*self.rates_from, strict=True)
        index = np.searchsorted(starts, np.arange(epochs), side="right") - 1
        return np.repeat(np.asarray(rates, np.float32)[index], steps_per_epoch)


def _cosine(start: float, end: float, progress: np.ndarray) -> np.ndarray:
    return end + (start - end) * (1 + np.cos(np.pi * progress)) / 2


Schedule = Constant | OneCycle | Steps
KINDS: dict[str, type] = {kind.kind: kind for kind in (Constant, OneCycle, Steps)}


def to_table(schedule: Schedule) -> dict:
    """As a TOML table: its kind and its values."""
    return {"kind": schedule.kind, **asdict(schedule)}


def from_table(table: dict) -> Schedule:
    """The schedule that `to_table` wrote; RecipeError names what is allowed."""
    values = dict(table)
    kind = values.pop("kind", None)
    if kind not in KINDS:
        raise RecipeError(f"schedule: kind must be one of {', '.join(KINDS)}; got {kind!r}.")
    try:
        return KINDS[kind](**values)
    except TypeError as error:
        raise RecipeError(f"schedule {kind}: {str(error).split('() ')[-1]}.") from None
