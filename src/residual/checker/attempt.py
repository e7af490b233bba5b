"""One call of a learner's block: how it was called, what came of it, and how it differs from the reference."""

from dataclasses import dataclass, field
from typing import Any

from residual.checker.calling import Outcome
from residual.checker.difference import Difference
from residual.checker.layout import Layout
from residual.checker.plans import Case, Plan
from residual.checker.steps import letters
from residual.checker.wording import explain_unavailable


@dataclass
class Attempt:
    """A case run on the learner's block: what came of it, and how it differs from the reference."""

    plan: Plan
    case: Case
    passed: bool | None
    source: Any
    outcome: Outcome
    differences: list[Difference] = field(default_factory=list)
    layout: Layout | None = None
    reference: tuple[Any, Layout] | None = None
    is_chance: bool = False

    @property
    def compared(self) -> bool:
        return self.layout is not None and self.outcome.error is None

    @property
    def mistakes(self) -> int:
        return sum(not difference.is_note for difference in self.differences)

    @property
    def is_right(self) -> bool:
        return not self.mistakes and self.outcome.error is None and not self.is_chance

    @property
    def rank(self) -> tuple[int, int, int]:
        """How well the call fits: one that ends comes first, then the one that gets further or differs less.

        Of calls that do not end, one that stops at what is not here comes first: nobody knows what comes after it.
        """
        error = self.outcome.error
        if error is None:
            return (2, -self.mistakes, -self.is_chance)
        return (bool(explain_unavailable(error)), len(self.outcome.calls), -self.mistakes)

    @property
    def activates_first(self) -> bool:
        """Whether the main path begins in the order of v2."""
        return self.layout is not None and letters(self.layout.blocks[0].main).startswith("NA")

    @property
    def has_addition(self) -> bool:
        """Whether anything meets the main path; True if nobody knows."""
        return self.layout is None or self.layout.blocks[0].merge is not None
