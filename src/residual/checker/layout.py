"""A graph laid out as stem, residual blocks and head.

The learner's graph and the reference's go through the same functions, so that both are cut alike.
"""

from dataclasses import dataclass, field, replace

from residual.checker.steps import Fork, Item, Step, letters, ordinal, pick_steps


@dataclass(frozen=True)
class Block:
    """One residual block, its steps by role.

    Attributes:
        main: steps of F, the longer branch, with whatever stood in front of the fork.
        shortcut: steps of the other branch.
        merge: where the two meet; None for a plain block.
        tail: steps after the merge.
        late: steps in front of the fork, part of `main`; the shortcut was taken after them, too late.
        branch: steps of the longer branch after the fork.
        lost: steps of layers that were called and do not reach the output, up to the last call on the input.
        oddity: "same" (both branches are one tensor), "unused" (and no convolution is among them),
            "extra" (more than two branches, or a merge within a branch), or "".
        count: how many blocks there are, one after the other; this is the last.
    """

    main: list[Step]
    shortcut: list[Step]
    merge: Step | None
    tail: list[Step]
    late: list[Step] = field(default_factory=list)
    oddity: str = ""
    branch: list[Step] = field(default_factory=list)
    lost: list[Step] = field(default_factory=list)
    count: int = 1

    @property
    def convs(self) -> list[Step]:
        return pick_steps(self.main, "conv")

    @property
    def stopped(self) -> bool:
        """Whether the learner's function raised at a layer of the main path, before any merge."""
        return self.merge is None and bool(self.main) and self.main[-1].output is None

    @property
    def projects(self) -> bool:
        return bool(pick_steps(self.shortcut, "conv"))

    @property
    def steps(self) -> list[Step]:
        merge = [self.merge] if self.merge else []
        return [*self.main, *self.shortcut, *merge, *self.tail]


@dataclass(frozen=True)
class Layout:
    """A network: the steps before the first block, the blocks, the steps after the last.

    `complete` is False if the learner's function raised before its end.
    """

    stem: list[Step]
    blocks: list[Block]
    head: list[Step]
    complete: bool = True

    @property
    def steps(self) -> list[Step]:
        return [*self.stem, *(step for block in self.blocks for step in block.steps), *self.head]


def list_convs(block: Block) -> list[tuple[str, Step]]:
    """(role, step) of every convolution."""
    convs = [(f"{ordinal(i)} convolution", step) for i, step in enumerate(block.convs, 1)]
    return convs + [("shortcut's convolution", step) for step in pick_steps(block.shortcut, "conv")]


def list_norms(block: Block) -> list[tuple[str, Step]]:
    """(role, step) of every normalization."""
    norms = [(f"{ordinal(i)} batch norm", step) for i, step in enumerate(pick_steps(block.main, "norm"), 1)]
    return norms + [("shortcut's batch norm", step) for step in pick_steps(block.shortcut, "norm")]


def block_layout(items: list[Item], complete: bool = True, lost: list[Step] | None = None) -> Layout:
    """The layout of one block function: everything belongs to one block.

    Args:
        items: from `graph.list_items`.
        complete: False if the function raised.
        lost: steps that do not reach the output; see `Block`.
    """
    forks = [i for i, item in enumerate(items) if isinstance(item, Fork)]
    if not forks:
        steps = _fold_padding(list(items))
        ends_active = len(steps) > 0 and steps[-1].kind == "act"
        main, tail = (steps[:-1], steps[-1:]) if ends_active else (steps, [])
        return Layout([], [Block(main, [], None, tail, lost=lost or [])], [], complete)
    last = forks[-1]
    block = _build_block(items[:last], items[last], _flatten(items[last + 1 :]), several=len(forks) > 1)
    count = max(sum(_is_whole(items[i]) for i in forks), 1)
    return Layout([], [replace(block, lost=lost or [], count=count)], [], complete)


def network_layout(items: list[Item], activates: bool, complete: bool = True) -> Layout:
    """The layout of a whole network.

    Args:
        items: from `graph.list_items`.
        activates: whether an activation follows each addition (v1) or none does (v2).
        complete: False if the network could not be built to its end.
    """
    forks = [i for i, item in enumerate(items) if isinstance(item, Fork)]
    if not forks:
        return Layout(_fold_padding(list(items)), [], [], complete)
    stem, prefix = _split_stem(list(items[: forks[0]]))
    blocks: list[Block] = []
    for here, following in zip(forks, [*forks[1:], len(items)], strict=True):
        gap = list(items[here + 1 : following])
        end = _tail_length(gap, activates, last=following == len(items))
        blocks.append(_build_block(prefix, items[here], gap[:end]))
        prefix = gap[end:]
    return Layout(stem, blocks, _fold_padding(prefix), complete)


def _split_stem(steps: list[Step]) -> tuple[list[Step], list[Step]]:
    """Cut before the second convolution: what follows belongs to a block whose shortcut starts late."""
    convs = [i for i, step in enumerate(steps) if step.kind == "conv"]
    cut = convs[1] if len(convs) > 1 else len(steps)
    return _fold_padding(steps[:cut]), steps[cut:]


def _tail_length(gap: list[Step], activates: bool, last: bool) -> int:
    """How many of the steps after an addition belong to the block that ends there."""
    if activates:
        return next((i for i, step in enumerate(gap) if step.kind not in ("norm", "act")), len(gap))
    return 1 if letters(gap[:1]) == "A" and not last else 0


def _build_block(prefix: list[Item], fork: Fork, tail: list[Step], several: bool = False) -> Block:
    before = _flatten(prefix)
    branches = sorted(fork.branches, key=_weight, reverse=True)
    main, shortcut = _flatten(branches[0]), _flatten(branches[1])
    nested = any(isinstance(item, Fork) for branch in branches for item in branch)
    oddity = "extra" if several or nested or len(branches) > 2 else ""
    if not any(fork.branches):
        oddity = "same" if pick_steps(before, "conv") else "unused"
    late = before if letters(before) else []
    return Block(
        _fold_padding([*before, *main]),
        _fold_padding(shortcut),
        fork.merge,
        _fold_padding(tail),
        late,
        oddity,
        main,
    )


def _is_whole(fork: Fork) -> bool:
    """Whether a fork is a block by itself: two or more convolutions on one of its branches."""
    return any(_weight(branch)[0] > 1 for branch in fork.branches)


def _weight(branch: list[Item]) -> tuple[int, int]:
    steps = _flatten(branch)
    return len(pick_steps(steps, "conv")), len(steps)


def _flatten(items: list[Item]) -> list[Step]:
    """The steps of a sequence; of a fork within it, those of its longest branch."""
    steps: list[Step] = []
    for item in items:
        if isinstance(item, Fork):
            steps += _flatten(max(item.branches, key=_weight))
        else:
            steps.append(item)
    return steps


def _fold_padding(steps: list[Step]) -> list[Step]:
    """`steps` with each ZeroPadding2D folded into the convolution or pooling that follows it."""
    folded: list[Step] = []
    for step in steps:
        before = folded[-1] if folded else None
        if step.kind in ("conv", "pool") and before is not None and before.kind == "pad":
            pads = tuple(a + b for a, b in zip(before.values["pads"], step.values["pads"], strict=True))
            folded[-1] = replace(
                step, values={**step.values, "pads": pads, "padded_by": before.values["pads"]}
            )
        else:
            folded.append(step)
    return folded
