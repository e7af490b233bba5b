"""How to call a learner's block: which argument stands for what, and what its filters look like."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from residual.checker.calling import Signature
from residual.checker.marker import Marker, Projection


@dataclass(frozen=True)
class Case:
    """One call of a block: window, filters, stride, input (height, width, channels)."""

    f: int
    filters: tuple[int, int, int]
    s: int
    shape: tuple[int, int, int]


# The first case tells every role from every other: three different filter counts, f, s, height and width.
CASES: dict[str, tuple[Case, ...]] = {
    "identity": (
        Case(3, (4, 5, 6), 1, (9, 8, 6)),
        Case(2, (2, 4, 3), 1, (4, 4, 3)),
        Case(5, (3, 2, 5), 1, (7, 6, 5)),
        Case(1, (5, 3, 4), 1, (4, 5, 4)),
    ),
    "convolutional": (
        Case(3, (4, 5, 6), 2, (9, 8, 3)),
        Case(2, (2, 4, 6), 1, (4, 4, 3)),
        Case(5, (5, 3, 2), 3, (10, 9, 4)),
        Case(1, (3, 2, 7), 2, (6, 6, 7)),
    ),
}
COURSE_ORDER = {"identity": ("f", "filters"), "convolutional": ("f", "filters", "s")}


@dataclass(frozen=True)
class Style:
    """What a block's `filters` holds.

    Attributes:
        count: 3 for [F1, F2, F3], 2 for [F1, F2], 1 for a single number.
        expansion: of a single number n, the last convolution's filters are `expansion` * n.
    """

    count: int
    expansion: int = 1

    def give(self, filters: tuple[int, int, int]) -> Any:
        """The value for the block's argument."""
        return {3: list(filters), 2: [filters[0], filters[2]], 1: filters[0]}[self.count]

    def expect(self, filters: tuple[int, int, int], convs: int) -> tuple[int, ...]:
        """The filters that the convolutions of a right block have.

        Args:
            filters: of the case.
            convs: how many convolutions the main path has.
        """
        if self.count == 3:
            return filters
        first, last = filters[0], filters[2] if self.count == 2 else filters[0] * self.expansion
        return (first, last) if convs == 2 else (first, first, last)


STYLES = (Style(3), Style(2), Style(1), Style(1, 4))


@dataclass(frozen=True)
class Plan:
    """One way to call a block.

    Attributes:
        signature: the role of each argument.
        role: "identity" or "convolutional".
        style: of its filters.
        flipped: switches that get another value than their default, or than their name asks for.
    """

    signature: Signature
    role: str
    style: Style
    flipped: dict[str, bool] = field(default_factory=dict)

    def find_shape(self, case: Case) -> tuple[int, int, int]:
        """The input of a case: an identity block's has the channels of its output."""
        if self.role == "identity":
            return (*case.shape[:2], self.style.expect(case.filters, 2)[-1])
        return case.shape

    def make_arguments(self, case: Case, number: int, training: bool | None) -> dict[str, Any]:
        """The arguments of a call, under the learner's names."""
        values = {"f": case.f, "filters": self.style.give(case.filters), "s": case.s, "training": training,
                  "initializer": Marker(), "stage": 2 + number, "block": "a", "name": f"block{number}",
                  "project": self.role == "convolutional"}  # fmt: skip
        if self.signature.defaults.get("project", False) is None:  # None or the layers of the shortcut
            last, is_projected = self.style.expect(case.filters, 2)[-1], self.role == "convolutional"
            values["project"] = Projection(last, case.s) if is_projected else None
        return {**self.signature.arguments(**values), **self.flipped}

    def flip(self) -> Iterator["Plan"]:
        """This plan with the other value of each of the block's switches: their names may say nothing."""
        given = self.make_arguments(CASES[self.role][0], 0, None)
        for name, default in self.signature.switches.items():
            yield replace(self, flipped={name: not given.get(name, default)})


def list_plans(signature: Signature, role: str, is_course: bool) -> Iterator[Plan]:
    """The ways to call a block with the defaults of its switches, the likeliest first.

    Raises:
        SignatureError: an argument can stand for nothing.
    """
    roles = COURSE_ORDER[role] if is_course else (*COURSE_ORDER[role], "project")
    if "filters" not in signature and len(signature.unknown) == 1:
        roles = ("filters",)  # a block may fix its window and its stride, and cannot do without filters
    for assigned in list(signature.assign(roles)):
        if "filters" in assigned:
            yield from (Plan(assigned, role, style) for style in STYLES)
