"""Find the depth and the shortcuts of a network in its graph."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from residual._keras_graph import Call


def measure_depth(calls: Sequence[Call], counts: Callable[[Any], bool]) -> int:
    """The number of layers on the longest path through the calls.

    Args:
        calls: from `_keras_graph.find_calls`.
        counts: whether a layer counts.
    """
    longest: dict[int, int] = {}
    for call in calls:
        reached = max((longest.get(id(tensor), 0) for tensor in call.inputs), default=0)
        for tensor in call.outputs:
            longest[id(tensor)] = reached + counts(call.layer)
    return max(longest.values(), default=0)


def find_shortcut_layers(calls: Sequence[Call], block_of: Mapping[int, str]) -> set[int]:
    """Ids of the layers that stand on a shortcut.

    Of the two paths into an addition, the shortcut is the shorter one. Layers that both paths share, such as the
    activation before a v2 projection, belong to the main path.

    Args:
        calls: from `_keras_graph.find_calls`.
        block_of: the block of each layer, by id; "" or absent outside blocks.
    """
    ancestors: dict[int, frozenset[int]] = {}  # of each tensor, the layers of its own block before it
    result: set[int] = set()
    for call in calls:
        block = block_of.get(id(call.layer), "")
        paths = [
            _keep_block(ancestors.get(id(tensor), frozenset()), block, block_of) for tensor in call.inputs
        ]
        if block and isinstance(call.layer, keras.layers.Add) and len(paths) == 2:
            short, main = sorted(paths, key=len)
            result |= short - main
        above = frozenset().union(*paths, {id(call.layer)}) if block else frozenset()
        for tensor in call.outputs:
            ancestors[id(tensor)] = above
    return result


def _keep_block(layers: frozenset[int], block: str, block_of: Mapping[int, str]) -> frozenset[int]:
    return frozenset(layer for layer in layers if block_of.get(layer) == block)
