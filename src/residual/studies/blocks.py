"""Blocks of a trained network changed through their weights: deleted, scaled, swapped. The graph stays as it is.

A residual block relu(x + F(x)) becomes relu(x) if the last batch norm of F, or its last convolution, is 0. A plain
block relu(F(x)) that keeps its shape becomes relu(x) if each convolution passes its input on and each batch norm undoes
itself. As x comes out of a relu, relu(x) is x.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from residual._keras_graph import find_calls
from residual.errors import NetworkError
from residual.models.layer_names import find_block


@dataclass(frozen=True, eq=False)
class Block:
    """A block of a network.

    Attributes:
        name: such as "stage1_block2".
        path: convolutions and batch norms of its main path, in the order in which they are called.
        others: layers with weights beside the main path.
        is_residual: whether a shortcut is added.
        keeps_shape: whether its input has the shape of its output, and its shortcut no weights.
    """

    name: str
    path: tuple[Any, ...]
    others: tuple[Any, ...]
    is_residual: bool
    keeps_shape: bool

    @property
    def convs(self) -> list[Any]:
        """The convolutions of the main path."""
        return [layer for layer in self.path if isinstance(layer, keras.layers.Conv2D)]

    @property
    def norms(self) -> list[Any]:
        """The batch norms of the main path."""
        return [layer for layer in self.path if isinstance(layer, keras.layers.BatchNormalization)]

    @property
    def can_be_deleted(self) -> bool:
        """A residual block always: its shortcut stays. A plain one if it keeps its shape."""
        return self.is_residual or (self.keeps_shape and all(_can_pass(conv) for conv in self.convs))

    @property
    def layers(self) -> tuple[Any, ...]:
        """All with weights."""
        return (*self.path, *self.others)

    def scale(self, factor: float) -> None:
        """Multiply F by a factor; in a plain network that is the block's output."""
        for weight in ("gamma", "beta", "kernel", "bias"):  # the last layer has two of them
            variable = getattr(self.path[-1], weight, None)
            if variable is not None:
                variable.assign(variable * factor)

    def delete(self) -> None:
        """Let the block pass its input on."""
        if self.is_residual:
            self.scale(0.0)
            return
        for conv in self.convs:
            _pass_on(conv)
        for norm in self.norms:
            norm.gamma.assign(keras.ops.sqrt(norm.moving_variance + norm.epsilon))
            norm.beta.assign(norm.moving_mean)


def _can_pass(conv: Any) -> bool:
    height, width, channels, filters = conv.kernel.shape
    return channels == filters and height % 2 == 1 and width % 2 == 1 and tuple(conv.strides) == (1, 1)


def _pass_on(conv: Any) -> None:
    """Make a convolution the identity: 1 in the middle of the kernel from each channel to itself."""
    kernel = np.zeros(conv.kernel.shape, np.float32)
    kernel[kernel.shape[0] // 2, kernel.shape[1] // 2] = np.eye(kernel.shape[2], dtype=np.float32)
    conv.kernel.assign(kernel)
    if conv.use_bias:
        conv.bias.assign(np.zeros(conv.bias.shape, np.float32))


def find_blocks(model: keras.Model) -> list[Block]:
    """The blocks of a network, from the image to the head.

    Args:
        model: a network of this package, or one whose layers are named like those of its networks.

    Raises:
        NetworkError: if it has no such blocks.
    """
    members: dict[str, list[Any]] = {}
    for call in find_calls(model):
        block = find_block(call.layer.name)
        if block:
            members.setdefault(block, []).append(call.layer)
    found = [_make_block(name, layers) for name, layers in members.items()]
    if not found or not all(block.convs for block in found):
        raise NetworkError(
            f"{model.name} has no blocks that can be told by their layers' names, such as stage1_block1_conv1. Use a "
            "network that residual builds."
        )
    return found


def _make_block(name: str, layers: Sequence[Any]) -> Block:
    main = [layer for layer in layers if "shortcut" not in layer.name and not layer.name.endswith("branch1")]
    path = tuple(
        layer for layer in main if isinstance(layer, keras.layers.Conv2D | keras.layers.BatchNormalization)
    )
    others = tuple(layer for layer in layers if layer.weights and layer not in path)
    residual = any(isinstance(layer, keras.layers.Add) for layer in layers)
    convs: list[Any] = [layer for layer in path if isinstance(layer, keras.layers.Conv2D)]
    keeps = bool(convs) and not others and convs[0].input.shape == convs[-1].output.shape
    return Block(name, path, others, residual, keeps)


class Weights:
    """The weights of some layers, to be put back.

    Args:
        layers: whose weights are kept.
    """

    def __init__(self, layers: Sequence[Any]):
        self._kept = [(layer, layer.get_weights()) for layer in layers]

    def restore(self) -> None:
        """Put them back."""
        for layer, values in self._kept:
            layer.set_weights(values)


def can_swap(first: Block, second: Block) -> bool:
    """Whether the weights of two blocks fit into each other."""
    shapes = [
        [tuple(weight.shape) for layer in one.layers for weight in layer.weights] for one in (first, second)
    ]
    return first.keeps_shape and second.keeps_shape and shapes[0] == shapes[1]


def swap(first: Block, second: Block) -> None:
    """Exchange the weights of two blocks."""
    for one, other in zip(first.layers, second.layers, strict=True):
        ours, theirs = one.get_weights(), other.get_weights()
        one.set_weights(theirs)
        other.set_weights(ours)
