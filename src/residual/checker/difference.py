"""One difference between the reference and what the learner wrote."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from residual.checker.steps import Step

if TYPE_CHECKING:
    from residual.checker.rules.rule import Rule


@dataclass(frozen=True)
class Difference:
    """A rule, and the place at which it applies.

    Attributes:
        rule: the rule that found the difference and has the words for it.
        place: the role of the layer, e.g. "2nd convolution".
        expected: the reference's value in words.
        got: the learner's.
        step: the learner's layer.
        line: the learner's line, if no step has it: that of an error.
        block: the block of a network to which the difference belongs, e.g. "stage 2, block 1"; "" elsewhere.
        variant: why authors write it like that on purpose; "" if it is a mistake wherever it stands.
        is_softened: it is a variant and stands in a block that is not the course's, so it is a note.
    """

    rule: "Rule"
    place: str = ""
    expected: str = ""
    got: str = ""
    step: Step | None = None
    line: int | None = None
    block: str = ""
    variant: str = ""
    is_softened: bool = False

    @property
    def is_note(self) -> bool:
        """Whether it does no harm."""
        return self.is_softened or self.rule.is_note

    @property
    def changes_numbers(self) -> bool:
        """Whether it is right and gives other numbers, so that numbers cannot be compared."""
        return self.is_softened or self.rule.changes_numbers

    def in_block(self, block: str) -> "Difference":
        """The same difference, in a block of a network."""
        return replace(self, place=f"{self.place} of {block}", block=block)


def has_mistake(differences: list[Difference]) -> bool:
    """Whether there is more than notes."""
    return any(not difference.is_note for difference in differences)


def soften_difference(difference: Difference) -> Difference:
    """A difference of a block that is not the course's: what is written like that on purpose is a note."""
    return replace(difference, is_softened=True) if difference.variant else difference
