"""How the layers of a functional model hang together: its calls, its depth, its shortcuts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import keras


class Call(NamedTuple):
    """One call of a layer (or of a bare Keras operation) on symbolic tensors.

    Attributes:
        layer: what was called.
        inputs, outputs: its Keras tensors; a tensor that enters or leaves a model inside the model is
            that of the call which made it, so that the calls of both join up.
    """

    layer: Any
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]


def is_functional(layer) -> bool:
    """Whether `layer` is a model with a graph: functional, or Sequential and built."""
    return isinstance(layer, keras.Model) and bool(getattr(layer, "outputs", None))


def calls(model: keras.Model) -> list[Call]:
    """Every call from the inputs to the outputs of `model`, a call after those it reads.

    Models inside the model are opened; their input layers are left out.
    """
    alias: dict[int, Any] = {}
    found: list[Call] = []

    def source(tensor):
        while id(tensor) in alias:
            tensor = alias[id(tensor)]
        return tensor

    def collect(inner):
        entries = {id(tensor) for tensor in inner.inputs}
        for node in _nodes(inner):
            inputs = tuple(source(tensor) for tensor in node.input_tensors)
            if is_functional(node.operation):
                nested = node.operation
                alias.update({id(t): s for t, s in zip(nested.inputs, inputs, strict=False)})
                collect(nested)
                alias.update({id(t): s for t, s in zip(node.outputs, nested.outputs, strict=False)})
            elif inner is model or not any(id(tensor) in entries for tensor in node.outputs):
                found.append(Call(node.operation, inputs, tuple(node.outputs)))

    collect(model)
    return found


def _nodes(model) -> list:
    """The nodes of one model in topological order, by a walk without recursion: networks are deep."""
    order, seen = [], set()
    stack = [(_producer(tensor), False) for tensor in reversed(model.outputs)]
    while stack:
        node, finished = stack.pop()
        if finished:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack += [(_producer(tensor), False) for tensor in reversed(node.input_tensors)]
    return order


def _producer(tensor):
    # Keras has no public name for the call that made a tensor; `layer.output` is the first call's alone,
    # which may belong to another model.
    operation, node_index, _ = tensor._keras_history
    return operation._inbound_nodes[node_index]


def depth(found: Sequence[Call], counts: Callable[[Any], bool]) -> int:
    """The most layers for which `counts` holds on any path through the calls."""
    longest: dict[int, int] = {}
    for call in found:
        reached = max((longest.get(id(tensor), 0) for tensor in call.inputs), default=0)
        for tensor in call.outputs:
            longest[id(tensor)] = reached + counts(call.layer)
    return max(longest.values(), default=0)


def readers(found: Sequence[Call]) -> dict[int, list[Any]]:
    """For each layer, by id, the layers that read its output."""
    makers = {id(tensor): call.layer for call in found for tensor in call.outputs}
    result: dict[int, list[Any]] = {}
    for call in found:
        for tensor in call.inputs:
            if id(tensor) in makers:
                result.setdefault(id(makers[id(tensor)]), []).append(call.layer)
    return result


def shortcut_layers(found: Sequence[Call], block_of: Mapping[int, str]) -> set[int]:
    """Ids of the layers that stand on a shortcut: of the two paths into an addition, the shorter one.

    Layers that both paths share, as the activation before a v2 projection, belong to the main path.

    Args:
        found: from `calls`.
        block_of: the block of each layer, by id; "" or absent outside blocks.
    """
    ancestors: dict[int, frozenset[int]] = {}  # of each tensor, the layers of its own block above it
    result: set[int] = set()
    for call in found:
        block = block_of.get(id(call.layer), "")
        paths = [_within(ancestors.get(id(tensor), frozenset()), block, block_of) for tensor in call.inputs]
        if block and isinstance(call.layer, keras.layers.Add) and len(paths) == 2:
            short, main = sorted(paths, key=len)
            result |= short - main
        above = frozenset().union(*paths, {id(call.layer)}) if block else frozenset()
        for tensor in call.outputs:
            ancestors[id(tensor)] = above
    return result


def _within(layers: frozenset[int], block: str, block_of: Mapping[int, str]) -> frozenset[int]:
    return frozenset(layer for layer in layers if block_of.get(layer) == block)
