"""The parts of a learner's graph: calls, steps, forks. They need no Keras, so the rules do not load it either."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Node:
    """One call in a graph.

    Attributes:
        operation: the layer or operation that was called.
        inputs: the Keras tensors that it was called on.
        output: the tensor that it returned; None if the call failed.
        refill: tensors that replace the inputs -> (args, kwargs) of the call.
        flags: `training`, if the call was given one.
        line: the learner's line.
    """

    operation: Any
    inputs: tuple
    output: Any
    refill: Callable
    flags: dict
    line: int | None = None


@dataclass(frozen=True)
class Step:
    """What a node does. `values` holds the settings by which two steps are compared; see `classify`.

    Kinds: "conv", "norm", "act", "pool", "pad", "flatten", "dense", "merge" and "other".
    """

    kind: str
    name: str
    node: Node
    values: dict = field(default_factory=dict)

    @property
    def operation(self):
        return self.node.operation

    @property
    def layer_name(self) -> str:
        return getattr(self.node.operation, "name", "")

    @property
    def output(self):
        return self.node.output

    @property
    def is_batch_norm(self) -> bool:
        return self.values.get("type") == "BatchNormalization"


@dataclass(frozen=True)
class Fork:
    """Branches that part at one tensor and meet in one step.

    Attributes:
        branches: a sequence of steps and forks for each of the merge's inputs; [] is the tensor itself.
        merge: the step in which they meet.
    """

    branches: tuple[list, ...]
    merge: Step


Item = Step | Fork


def pick_steps(steps: list[Step], *kinds: str) -> list[Step]:
    """The steps of these kinds, in their order."""
    return [step for step in steps if step.kind in kinds]


def letters(steps: list[Step]) -> str:
    """The order of convolutions, norms and activations as letters, e.g. "CNACNACN"; others are "?"."""
    return "".join({"conv": "C", "norm": "N", "act": "A"}.get(step.kind, "?") for step in steps)


def ordinal(i: int) -> str:
    """1 -> "1st", 2 -> "2nd" ..."""
    return {1: "1st", 2: "2nd", 3: "3rd"}.get(i, f"{i}th")


def count_noun(count: int, noun: str) -> str:
    """(2, "block") -> "2 blocks"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def name_layers(steps: list[Step]) -> str:
    """The layers of a path in words: "Conv2D + BatchNormalization"."""
    return " + ".join(step.name for step in steps) or "the input itself"


def name_order(steps: list[Step]) -> str:
    """The order of a path in words: "conv, norm, relu"."""
    return ", ".join(step.kind if step.kind in ("conv", "norm") else step.name for step in steps) or "nothing"
