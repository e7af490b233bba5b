"""Learning-rate schedules: small values, and pure functions from step to rate.

A new schedule is a class and a row in `SCHEDULES`.
"""

from abc import abstractmethod
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from residual._checked import AbstractMeta, Checked, read_kind

_TOO_MUCH = 1e30  # for a rate; float32, in which steps have theirs, ends at 3e38
Rate = Annotated[float, Meta(ge=0, lt=_TOO_MUCH, description="a number from 0")]
_PAIRS = "pairs [epoch, rate], epochs ascending from 0, rates at least 0"


class Schedule(Checked, frozen=True, tag_field="kind", metaclass=AbstractMeta):
    """The learning rate of every step."""

    @property
    def kind(self) -> str:
        """What recipes call it."""
        return str(self.__struct_config__.tag)

    def describe_kind(self) -> str:
        return f"schedule {self.kind}"

    def to_table(self) -> dict:
        """As a TOML table: its kind and its values."""
        return msgspec.to_builtins(self)

    @abstractmethod
    def rates(self, steps_per_epoch: int, epochs: int) -> np.ndarray:
        """The rate of each step, float32 (steps_per_epoch * epochs,)."""

    def stretch(self, share: float) -> "Schedule":
        """The same schedule in `share` times as many epochs."""
        return self


class Constant(Schedule, frozen=True, tag="constant"):
    """One rate throughout."""

    rate: Rate

    def rates(self, steps_per_epoch: int, epochs: int) -> np.ndarray:
        return np.full(steps_per_epoch * epochs, self.rate, np.float32)


class OneCycle(Schedule, frozen=True, tag="one-cycle"):
    """Up along a cosine from 1/25 of `peak`, then down along one to 1/10,000 of it (arXiv:1708.07120).

    Attributes:
        peak: the highest rate, of the first step after those that go up.
        warmup: share of all steps that go up, but at least one step.
    """

    peak: Rate
    warmup: Annotated[float, Meta(ge=0, le=1)] = 0.25

    def rates(self, steps_per_epoch: int, epochs: int) -> np.ndarray:
        total = steps_per_epoch * epochs
        up = max(1, round(self.warmup * total))
        down = max(1, total - up)
        rise = _cosine(self.peak / 25, self.peak, np.arange(up) / up)
        fall = _cosine(self.peak, self.peak / 1e4, np.linspace(0, 1, down))
        return np.concatenate([rise, fall])[:total].astype(np.float32)


class Triangle(Schedule, frozen=True, tag="triangle"):
    """Up along a line from `start` times `peak`, then down along one to `end` times it (arXiv:2404.00498).

    Attributes:
        peak: the highest rate, of the first step after those that go up.
        warmup: share of all steps that go up.
        start, end: the rates of the first and of the last step, as shares of `peak`.
    """

    peak: Rate
    warmup: Annotated[float, Meta(ge=0, le=1)] = 0.23
    start: Annotated[float, Meta(ge=0, le=1)] = 0.2
    end: Annotated[float, Meta(ge=0, le=1)] = 0.07

    def rates(self, steps_per_epoch: int, epochs: int) -> np.ndarray:
        total = steps_per_epoch * epochs
        up = round(self.warmup * total)
        rise = np.linspace(self.start, 1, up, endpoint=False)
        fall = np.linspace(1, self.end, total - up)
        return (self.peak * np.concatenate([rise, fall])).astype(np.float32)


class Steps(Schedule, frozen=True, tag="steps"):
    """A rate for each stretch of epochs.

    Attributes:
        rates_from: pairs (epoch, rate), epochs counted from 0, the first pair at epoch 0.
    """

    rates_from: Annotated[tuple[tuple[int, Rate], ...], Meta(description=_PAIRS)]

    def __post_init__(self):
        received = self.rates_from
        super().__post_init__()
        starts = [epoch for epoch, _ in self.rates_from]
        if starts[:1] != [0] or starts != sorted(set(starts)):
            self.refuse("rates_from", _PAIRS, received)

    def rates(self, steps_per_epoch: int, epochs: int) -> np.ndarray:
        starts, rates = zip(*self.rates_from, strict=True)
        index = np.searchsorted(starts, np.arange(epochs), side="right") - 1
        return np.repeat(np.asarray(rates, np.float32)[index], steps_per_epoch)

    def stretch(self, share: float) -> "Steps":
        starts = {int(epoch * share): rate for epoch, rate in self.rates_from}  # the last of those that meet
        return Steps(tuple(starts.items()))


SCHEDULES: tuple[type[Schedule], ...] = (Constant, OneCycle, Triangle, Steps)


def from_table(table: dict) -> Schedule:
    """The schedule that `Schedule.to_table` wrote.

    Raises:
        RecipeError: for an unknown kind or value or a missing one, naming those allowed.
    """
    return read_kind(SCHEDULES, table, "schedule", '{kind = "constant", rate = 0.001}')


def _cosine(start: float, end: float, progress: np.ndarray) -> np.ndarray:
    """Half a cosine from `start` (progress 0) to `end` (progress 1)."""
    return end + (start - end) * (1 + np.cos(np.pi * progress)) / 2
