"""A learner's graph as a sequence of steps and forks.

A fork is a place where the graph parts and meets again: the block's input, its branches, the merge. It
is found from its end: the last node that all branches come from is the merge's immediate dominator.
"""

from collections.abc import Callable

import keras

from residual._keras_graph import find_call
from residual.checker.calling import Call, Outcome
from residual.checker.classify import classify
from residual.checker.steps import Fork, Item, Node, Step


class _Graph:
    """Nodes by the id of their output, and their dominators."""

    def __init__(self, lines: dict[int, int | None]):
        self.lines = lines
        self.nodes: dict[int, Node] = {}
        self.depth: dict[int, int] = {}
        self.dominator: dict[int, int | None] = {}

    def add(self, tensor) -> None:
        """Take in a tensor and all that it comes from, inputs first and without recursion."""
        stack = [tensor]
        while stack:
            top = stack[-1]
            node = self.nodes.setdefault(id(top), make_node(top, self.lines))
            missing = [t for t in node.inputs if id(t) not in self.depth]
            if missing:
                stack += missing
                continue
            stack.pop()
            if id(top) not in self.depth:
                self._place(id(top), node.inputs)

    def _place(self, key: int, inputs) -> None:
        common = self.common(inputs)
        self.dominator[key] = common
        self.depth[key] = 0 if common is None else self.depth[common] + 1

    def common(self, tensors) -> int | None:
        """The id of the last tensor that all of these come from, themselves included."""
        keys = [id(tensor) for tensor in tensors]
        if not keys:
            return None
        here: int | None = keys[0]
        for other in keys[1:]:
            there: int | None = other
            while here is not None and there is not None and here != there:
                if self.depth[here] >= self.depth[there]:
                    here = self.dominator[here]
                else:
                    there = self.dominator[there]
            here = here if here == there else None
        return here

    def sequence(self, tensor, stop: int | None) -> list[Item]:
        """Steps and forks from the tensor with the id `stop` (or an input) to `tensor`."""
        items: list[Item] = []
        while tensor is not None and id(tensor) != stop:
            node = self.nodes[id(tensor)]
            if not node.inputs:
                break
            items, tensor = self.before(node, items)
        return items

    def before(self, node: Node, items: list[Item]) -> tuple[list[Item], object]:
        """`items` with what `node` does in front of them, and the tensor that it all comes from."""
        if len(node.inputs) == 1:
            return [*classify(node), *items], node.inputs[0]
        common = self.common(node.inputs)
        branches = tuple(self.sequence(t, common) for t in node.inputs)
        fork = Fork(branches, classify(node)[0])
        return [fork, *items], None if common is None else self.tensor(common)

    def tensor(self, key: int):
        return self.nodes[key].output


def make_node(tensor, lines: dict[int, int | None]) -> Node:
    """The call that made a Keras tensor."""
    call = find_call(tensor)
    return Node(
        call.layer,
        call.inputs,
        tensor,
        _make_refill(call.args, call.kwargs),
        _read_flags(call.args, call.kwargs),
        lines.get(id(call.layer)),
    )


def _make_failed_node(call: Call) -> Node:
    return Node(
        call.operation,
        tuple(call.tensors),
        None,
        _make_refill(call.args, call.kwargs),
        _read_flags(call.args, call.kwargs),
        call.line,
    )


def _read_flags(args: tuple, kwargs: dict) -> dict:
    """The `training` of a call, by name or as its second argument."""
    if "training" in kwargs:
        return {"training": kwargs["training"]}
    flags = [value for value in args[1:] if isinstance(value, bool)]
    return {"training": flags[0]} if flags else {}


def _make_refill(args, kwargs) -> Callable:
    def refill(tensors):
        remaining = iter(tensors)
        return keras.tree.map_structure(
            lambda value: next(remaining) if isinstance(value, keras.KerasTensor) else value, (args, kwargs)
        )

    return refill


def list_items(outcome: Outcome, tensor=None) -> list[Item] | None:
    """The steps and forks that led to `tensor`, or to the call that failed.

    Args:
        outcome: of the call that built the graph.
        tensor: the output; None if the function raised: then the failing layer ends the sequence.

    Returns:
        The items; None if there is neither a tensor nor a failed layer.
    """
    graph = _Graph(outcome.lines)
    if tensor is not None:
        graph.add(tensor)
        return graph.sequence(tensor, None)
    if outcome.failed is None or not outcome.failed.tensors:
        return None
    node = _make_failed_node(outcome.failed)
    for source in node.inputs:
        graph.add(source)
    items, source = graph.before(node, [])
    return [*graph.sequence(source, None), *items]


def list_lost_steps(outcome: Outcome, tensor, source) -> list[Step]:
    """The steps of layers that were called in vain: nothing that reaches `tensor` reads their results.

    Only those before the last call on `source` count, in the order of the calls: what comes later is no part of
    a path that starts anew.

    Args:
        outcome: of the call that built the graph.
        tensor: its output; None if the function raised.
        source: the block's input.
    """
    graph = _Graph(outcome.lines)
    failed = outcome.failed.tensors if outcome.failed else []
    for end in [tensor] if tensor is not None else failed:
        graph.add(end)
    calls = {id(call.output): call for call in outcome.calls if isinstance(call.output, keras.KerasTensor)}
    calls = list(calls.values())
    on_source = [i for i, call in enumerate(calls) if any(t is source for t in call.tensors)]
    live = [i for i in on_source if id(calls[i].output) in graph.nodes]
    before = calls[: live[-1]] if live else []
    dead = [call for call in before if id(call.output) not in graph.nodes]
    return [step for call in dead for step in classify(make_node(call.output, outcome.lines))]


def depends_on(tensor, source) -> bool:
    """Whether `tensor` is computed from `source`."""
    graph = _Graph({})
    graph.add(tensor)
    return id(source) in graph.nodes
