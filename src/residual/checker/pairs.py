"""What the rules look at: the reference and the learner's work side by side, part by part."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any, Protocol

from residual.checker.difference import Difference
from residual.checker.layout import Block
from residual.checker.steps import Step, letters, ordinal, pick_steps


class PathOrder(Enum):
    """How the layers of the learner's main path stand to those of the reference."""

    UNUSED = "the path does not reach the output"
    ALIKE = "in the same order"
    PRE_ACTIVATION = "in the order of v2, in a block of v1"
    POST_ACTIVATION = "in the order of v1, in a block of v2"
    OTHER_COUNT = "with another number of convolutions"
    COMPARABLE = "with the same convolutions, so component by component"


@dataclass(frozen=True)
class Component:
    """A convolution of the main path with the layers that follow it; number 0 is what precedes the first.

    Attributes:
        number: of the convolution.
        ref: the reference's steps.
        got: the learner's.
        is_last: no convolution follows.
        stopped: the learner's function raised further on.
        early_norm: the batch norm of this component stands in front of its convolution.
        spare_norm: there is a batch norm more, and the next component does not lack one.
    """

    number: int
    ref: list[Step]
    got: list[Step]
    is_last: bool
    stopped: bool
    early_norm: bool
    spare_norm: bool

    @property
    def role(self) -> str:
        return ordinal(max(self.number, 1))

    @property
    def end(self) -> Step | None:
        return self.got[-1] if self.got else None

    @property
    def expected_order(self) -> str:
        return _known_letters(self.ref)

    @property
    def order(self) -> str:
        return _known_letters(self.got)

    @property
    def acts(self) -> list[Step]:
        return pick_steps(self.got, "act")

    @property
    def lacks_norm(self) -> bool:
        return self.order.count("N") < self.expected_order.count("N")

    @property
    def lacks_relu(self) -> bool:
        return len(self.acts) < self.expected_order.count("A")

    @property
    def has_spare_relu(self) -> bool:
        return len(self.acts) > self.expected_order.count("A")

    @property
    def repeats_relu(self) -> bool:
        """Whether the same activation comes twice in a row."""
        return "AA" in self.order and len({act.name for act in self.acts}) == 1


def _known_letters(steps: list[Step]) -> str:
    return letters(steps).replace("?", "")


@dataclass(frozen=True)
class BlockPair:
    """The reference's block and the learner's."""

    ref: Block
    got: Block

    @property
    def has_end(self) -> bool:
        """Whether the learner's block got as far as its addition, or needs none."""
        return not self.got.stopped and (self.got.merge is None or self.got.merge.output is not None)

    @property
    def has_shortcut(self) -> bool:
        """Whether there is a second path to look at."""
        return self.got.merge is not None and self.got.oddity not in ("same", "unused")

    @property
    def shortcuts_compare(self) -> bool:
        """Whether both shortcuts have a convolution, or neither has."""
        return self.has_shortcut and self.ref.projects == self.got.projects

    @cached_property
    def path_order(self) -> PathOrder:
        there, here = letters(self.ref.main), letters(self.got.main)
        expected, count = len(self.ref.convs), len(self.got.convs)
        if self.got.oddity == "unused":
            return PathOrder.UNUSED
        if here == there:
            return PathOrder.ALIKE
        if here.startswith("NAC") and there.startswith("C") and self.ref.tail:
            return PathOrder.PRE_ACTIVATION
        if there.startswith("NAC") and here.startswith("CN"):
            return PathOrder.POST_ACTIVATION
        if count != expected and not (self.got.stopped and count < expected):
            return PathOrder.OTHER_COUNT
        return PathOrder.COMPARABLE

    @property
    def complete(self) -> bool:
        """Whether the learner's main path has as many convolutions as the reference's."""
        return len(self.ref.convs) == len(self.got.convs)

    @property
    def main_convs(self) -> list[tuple[Step, Step]]:
        """Convolutions of the main path, pair by pair; none if it is unknown which belongs to which."""
        if not self.complete and not self.got.stopped:
            return []
        return list(zip(self.ref.convs, self.got.convs, strict=False))

    @property
    def shortcut_convs(self) -> list[tuple[Step, Step]]:
        """Convolutions of the shortcuts, pair by pair."""
        there, here = (pick_steps(block.shortcut, "conv") for block in (self.ref, self.got))
        return list(zip(there, here, strict=False))

    @property
    def all_convs(self) -> list[tuple[str, Step, Step]]:
        """(role, the reference's, the learner's) of the convolutions of both paths."""
        convs = [(f"{ordinal(i)} convolution", *pair) for i, pair in enumerate(self.main_convs, 1)]
        return convs + [("shortcut's convolution", *pair) for pair in self.shortcut_convs]

    def pre_activations(self) -> Iterator[tuple[int, list[Step], Step]]:
        """(number, the steps in front of it, convolution) of a main path in the order of v2."""
        if self.path_order is PathOrder.PRE_ACTIVATION:
            parts = _split_components(self.got.main)
            for i, (before, part) in enumerate(itertools.pairwise(parts), 1):
                yield i, before, part[0]

    def components(self) -> Iterator[Component]:
        """The components of the main path, if they can be compared one by one."""
        if self.path_order is not PathOrder.COMPARABLE:
            return
        expected, got = _split_components(self.ref.main), _split_components(self.got.main)
        early = False
        for i, (there, here) in enumerate(zip(expected, got, strict=False)):
            if self.got.stopped and i == len(got) - 1:
                return  # the component is not finished
            more = _count_norms(here) > _count_norms(there)
            next_lacks = i + 1 < len(got) and _count_norms(got[i + 1]) < _count_norms(expected[i + 1])
            is_last = i == len(expected) - 1
            yield Component(i, there, here, is_last, self.got.stopped, early, more and not next_lacks)
            early = more and next_lacks


def _split_components(path: list[Step]) -> list[list[Step]]:
    """The steps before the 1st convolution, those from it to the 2nd, ..."""
    components: list[list[Step]] = [[]]
    for step in path:
        if step.kind == "conv":
            components.append([step])
        else:
            components[-1].append(step)
    return components


def _count_norms(steps: list[Step]) -> int:
    return len(pick_steps(steps, "norm"))


@dataclass(frozen=True)
class CallArguments:
    """What was passed to a function, and the layers that it should reach.

    Attributes:
        norms: (role, step) of the normalizations.
        convs: (role, step) of the convolutions.
        training: the flag that was passed, or None for none.
        initializer: whether a `Marker` was passed as the initializer.
        seeded: whether the function calls its initializer with a seed.
        has_stride: whether the block takes a stride, or needs none.
    """

    norms: list[tuple[str, Step]]
    convs: list[tuple[str, Step]] = field(default_factory=list)
    training: bool | None = None
    initializer: bool = False
    seeded: bool = False
    has_stride: bool = True


@dataclass(frozen=True)
class Result:
    """What a function returned.

    Attributes:
        value: that.
        type: the type that it should have.
        type_name: the same in words, e.g. "a keras.Model".
        depends: says whether it is computed from the input; None if nobody asks.
    """

    value: Any
    type: type
    type_name: str
    depends: Callable[[], bool] | None = None

    def is_connected(self) -> bool:
        """Whether a value of the right type is computed from the input."""
        return self.depends is None or self.depends()

    @property
    def has_type(self) -> bool:
        return isinstance(self.value, self.type)


@dataclass(frozen=True)
class DepthTrial:
    """Networks of other depths, built by a learner's function.

    Attributes:
        depth: a second depth that is allowed.
        expected: the number of its blocks.
        got: the learner's number.
        wrong_depth: a depth that fits no network.
        accepted: whether the function built one for it nevertheless.
    """

    depth: int
    expected: int
    got: int
    wrong_depth: int
    accepted: bool


class CaseResult(Protocol):
    """One call of a block, as far as `Rule.restate` needs it."""

    differences: list[Difference]

    @property
    def compared(self) -> bool: ...
