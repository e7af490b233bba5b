"""One file for each thing that can be wrong, and one row in `CHECKS`."""

from collections.abc import Iterator
from typing import Protocol

from residual.auditing.checks import (
    imbalance,
    leak,
    near_leak,
    near_repeat,
    near_two_labels,
    no_images,
    odd_format,
    odd_size,
    one_colour,
    other_file,
    placeholder,
    repeat,
    suspect_label,
    two_labels,
    unreadable,
    wrong_ending,
)
from residual.auditing.finding import Found
from residual.auditing.scan import Facts
from residual.data.source import Source


class Check(Protocol):
    """What a module of this package holds."""

    @property
    def KIND(self) -> str:
        """A short name that does not change."""
        ...

    @property
    def SEVERITY(self) -> str:
        """`finding.HURTS` or `finding.NOTE`."""
        ...

    @property
    def DESCRIPTION(self) -> str:
        """What it means."""
        ...

    def find(self, facts: Facts, source: Source) -> Iterator[Found]:
        """What the data has of it; nothing if it has none."""
        ...


# In the order in which they are reported.
CHECKS: tuple[Check, ...] = (
    unreadable,
    leak,
    two_labels,
    repeat,
    near_leak,
    near_two_labels,
    near_repeat,
    placeholder,
    wrong_ending,
    odd_format,
    other_file,
    one_colour,
    odd_size,
    imbalance,
    no_images,
)
SLOW_CHECKS: tuple[Check, ...] = (suspect_label,)  # each takes longer than all others
