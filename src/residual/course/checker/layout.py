"""A graph laid out as stem, residual blocks and head; and what a single difference between two is.

The learner's graph and the reference's go through the same functions, so that both are cut alike.
"""

from dataclasses import dataclass, field, replace

from residual.course.checker.graph import Fork, Item
from residual.course.checker.steps import Step


@dataclass(frozen=True)
class Difference:
    """One difference between the reference and the learner's graph, by its name in the catalogue."""

    mistake: str
    place: str = ""
    expected: str = ""
    got: str = ""
    step: Step | None = None
    line: int | None = None  # where no step has it: of an error


@dataclass(frozen=True)
class Block:
    """One residual block, its steps by role.

    Attributes:
        main: steps of F, the longer branch, with whatever stood in front of the fork.
        shortcut: steps of the other branch.
        merge: where the two meet; None for a plain block.
        tail: steps after the merge.
        late: steps in front of the fork, part of `main`: where the shortcut was taken too late.
        oddity: "same" (both branches are one tensor), "unused" (and no convolution is among them),
            "extra" (more than two branches, or a merge within a branch), or "".
    """

    main: list[Step]
    shortcut: list[Step]
    merge: Step | None
    tail: list[Step]
    late: list[Step] = field(default_factory=list)
    oddity: str = ""

    @property
    def convs(self) -> list[Step]:
        return of_kind(self.main, "conv")

    @property
    def stopped(self) -> bool:
        """Whether the learner's function raised at a layer of the main path, before any merge."""
        return self.merge is None and bool(self.main) and self.main[-1].output is None

    @property
    def projects(self) -> bool:
        return bool(of_kind(self.shortcut, "conv"))

    @property
    def steps(self) -> list[Step]:
        merge = [self.merge] if self.merge else []
        return [*self.main, *self.shortcut, *merge, *self.tail]


@dataclass(frozen=True)
class Layout:
    """A network: the steps before the first block, the blocks, the steps after the last.

    `complete` is False where the learner's function raised before its end.
    """

    stem: list[Step]
    blocks: list[Block]
    head: list[Step]
    complete: bool = True

    @property
    def steps(self) -> list[Step]:
        return [*self.stem, *(step for block in self.blocks for step in block.steps), *self.head]


def of_kind(steps: list[Step], *kinds: str) -> list[Step]:
    return [step for step in steps if step.kind in kinds]


def letters(steps: list[Step]) -> str:
    """The order of convolutions, norms and activations as letters, e.g. "CNACNACN"; others are "?"."""
    return "".join({"conv": "C", "norm": "N", "act": "A"}.get(step.kind, "?") for step in steps)


def ordinal(i: int) -> str:
    """1 -> "1st", 2 -> "2nd" ..."""
    return {1: "1st", 2: "2nd", 3: "3rd"}.get(i, f"{i}th")


def block_layout(items: list[Item], complete: bool = True) -> Layout:
    """The layout of one block function: everything belongs to one block."""
    forks = [i for i, item in enumerate(items) if isinstance(item, Fork)]
    if not forks:
        steps = _padded(list(items))
        ends_active = len(steps) > 0 and steps[-1].kind == "act"
        main, tail = (steps[:-1], steps[-1:]) if ends_active else (steps, [])
        return Layout([], [Block(main, [], None, tail)], [], complete)
    last = forks[-1]
    block = _block(items[:last], items[last], _flat(items[last + 1 :]), several=len(forks) > 1)
    return Layout([], [block], [], complete)


def network_layout(items: list[Item], activates: bool, complete: bool = True) -> Layout:
    """The layout of a whole network.

    Args:
        items: from `graph.items_of`.
        activates: whether an activation follows each addition (v1) or none does (v2).
        complete: False where the network could not be built to its end.
    """
    forks = [i for i, item in enumerate(items) if isinstance(item, Fork)]
    if not forks:
        return Layout(_padded(list(items)), [], [], complete)
    stem, prefix = _stem(list(items[: forks[0]]))
    blocks: list[Block] = []
    for here, following in zip(forks, [*forks[1:], len(items)], strict=True):
        gap = list(items[here + 1 : following])
        end = _tail_length(gap, activates, last=following == len(items))
        blocks.append(_block(prefix, items[here], gap[:end]))
        prefix = gap[end:]
    return Layout(stem, blocks, _padded(prefix), complete)


def _stem(steps: list[Step]) -> tuple[list[Step], list[Step]]:
    """Cut before the second convolution: what follows belongs to a block whose shortcut starts late."""
    convs = [i for i, step in enumerate(steps) if step.kind == "conv"]
    cut = convs[1] if len(convs) > 1 else len(steps)
    return _padded(steps[:cut]), steps[cut:]


def _tail_length(gap: list[Step], activates: bool, last: bool) -> int:
    """How many of the steps after an addition belong to the block that ends there."""
    if activates:
        return next((i for i, step in enumerate(gap) if step.kind not in ("norm", "act")), len(gap))
    return 1 if letters(gap[:1]) == "A" and not last else 0


def _block(prefix: list[Item], fork: Fork, tail: list[Step], several: bool = False) -> Block:
    before = _flat(prefix)
    branches = sorted(fork.branches, key=_weight, reverse=True)
    main, shortcut = _flat(branches[0]), _flat(branches[1])
    nested = any(isinstance(item, Fork) for branch in branches for item in branch)
    oddity = "extra" if several or nested or len(branches) > 2 else ""
    if not any(fork.branches):
        oddity = "same" if of_kind(before, "conv") else "unused"
    late = before if letters(before) else []
    return Block(_padded([*before, *main]), _padded(shortcut), fork.merge, _padded(tail), late, oddity)


def _weight(branch: list[Item]) -> tuple[int, int]:
    steps = _flat(branch)
    return len(of_kind(steps, "conv")), len(steps)


def _flat(items: list[Item]) -> list[Step]:
    """The steps of a sequence; of a fork within it, those of its longest branch."""
    steps: list[Step] = []
    for item in items:
        if isinstance(item, Fork):
            steps += _flat(max(item.branches, key=_weight))
        else:
            steps.append(item)
    return steps


def _padded(steps: list[Step]) -> list[Step]:
    """`steps` with each ZeroPadding2D folded into the convolution that follows it."""
    folded: list[Step] = []
    for step in steps:
        before = folded[-1] if folded else None
        if step.kind == "conv" and before is not None and before.kind == "pad":
            pads = tuple(a + b for a, b in zip(before.values["pads"], step.values["pads"], strict=True))
            folded[-1] = replace(
                step, values={**step.values, "pads": pads, "padded_by": before.values["pads"]}
            )
        else:
            folded.append(step)
    return folded
