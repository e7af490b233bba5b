"""Learning-rate schedules: small values, and pure functions from step to rate."""

from dataclasses import MISSING, asdict, dataclass, fields

import numpy as np

from residual.errors import RecipeError

_TOO_MUCH = 1e30  # no rate; float32, in which steps have theirs, ends at 3e38


@dataclass(frozen=True)
class Constant:
    """One rate throughout."""

    rate: float
    kind = "constant"

    def __post_init__(self):
        _check_range(self, "rate")

    def rates(self, steps_per_epoch: int, epochs: int) -> np.ndarray:
        return np.full(steps_per_epoch * epochs, self.rate, np.float32)


@dataclass(frozen=True)
class OneCycle:
    """Up along a cosine from 1/25 of `peak`, then down along one to 1/10,000 of it (arXiv:1708.07120).

    Attributes:
        peak: the highest rate, of the first step after those that go up.
        warmup: share of all steps that go up, but at least one step.
    """

    peak: float
    warmup: float = 0.25
    kind = "one-cycle"

    def __post_init__(self):
        _check_range(self, "peak")
        _check_range(self, "warmup", 1)

    def rates(self, steps_per_epoch: int, epochs: int) -> np.ndarray:
        total = steps_per_epoch * epochs
        up = max(1, round(self.warmup * total))
        down = max(1, total - up)
        rise = _cosine(self.peak / 25, self.peak, np.arange(up) / up)
        fall = _cosine(self.peak, self.peak / 1e4, np.linspace(0, 1, down))
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
        try:
            pairs = tuple((epoch, float(rate)) for epoch, rate in self.rates_from)
            starts = [epoch for epoch, _ in pairs]
            fits = all(isinstance(epoch, int) for epoch in starts) and starts[:1] == [0]
            fits = fits and starts == sorted(set(starts)) and all(0 <= rate < _TOO_MUCH for _, rate in pairs)
        except (TypeError, ValueError, OverflowError):  # no pairs, no numbers, or one of hundreds of digits
            fits = False
        if not fits:
            raise RecipeError(
                "schedule steps: rates_from must be pairs [epoch, rate], epochs ascending from 0, rates at "
                f"least 0; got {self.rates_from!r}."
            )
        object.__setattr__(self, "rates_from", pairs)

    def rates(self, steps_per_epoch: int, epochs: int) -> np.ndarray:
        starts, rates = zip(*self.rates_from, strict=True)
        index = np.searchsorted(starts, np.arange(epochs), side="right") - 1
        return np.repeat(np.asarray(rates, np.float32)[index], steps_per_epoch)


def _cosine(start: float, end: float, progress: np.ndarray) -> np.ndarray:
    """Half a cosine from `start` (progress 0) to `end` (progress 1)."""
    return end + (start - end) * (1 + np.cos(np.pi * progress)) / 2


def _check_range(schedule, name: str, most: float | None = None) -> None:
    value = getattr(schedule, name)
    allowed = "a number from 0" + ("" if most is None else f" to {most}")
    if (
        not isinstance(value, int | float)
        or not 0 <= value < _TOO_MUCH
        or (most is not None and value > most)
    ):
        raise RecipeError(f"schedule {schedule.kind}: {name} must be {allowed}; got {value!r}.")


Schedule = Constant | OneCycle | Steps
KINDS: dict[str, type] = {kind.kind: kind for kind in (Constant, OneCycle, Steps)}


def to_table(schedule: Schedule) -> dict:
    """As a TOML table: its kind and its values."""
    return {"kind": schedule.kind, **asdict(schedule)}


def from_table(table: dict) -> Schedule:
    """The schedule that `to_table` wrote.

    Raises:
        RecipeError: for an unknown kind or value or a missing one, naming those allowed.
    """
    if not isinstance(table, dict):
        raise RecipeError(
            f'schedule: must be a table such as {{kind = "constant", rate = 0.001}}; got {table!r}.'
        )
    values = dict(table)
    kind = values.pop("kind", None)
    if not isinstance(kind, str) or kind not in KINDS:
        raise RecipeError(f"schedule: kind must be one of {', '.join(KINDS)}; got {kind!r}.")
    allowed = {field.name: field.default is MISSING for field in fields(KINDS[kind])}
    unknown = sorted(set(values) - set(allowed))
    if unknown:
        raise RecipeError(f"schedule {kind}: has {', '.join(allowed)}, not {', '.join(unknown)}.")
    missing = [name for name, needed in allowed.items() if needed and name not in values]
    if missing:
        raise RecipeError(f"schedule {kind}: lacks {', '.join(missing)}.")
    return KINDS[kind](**values)
