"""Tensors of ONNX as Keras holds them: images channels last, whatever order the file has them in."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from residual.errors import RunError

CHANNELS_FIRST, CHANNELS_LAST = (0, 3, 1, 2), (0, 1, 2, 3)


@dataclass(frozen=True)
class Tensor:
    """A tensor of the graph.

    Attributes:
        keras: the Keras tensor.
        axes: the axis of `keras` for each axis of the tensor in the file; None for one of size 1 that `keras` lacks.
        is_pixels: whether it is the image, at most scaled.
        is_positive: whether it has no numbers below zero.
    """

    keras: Any
    axes: tuple[int | None, ...]
    is_pixels: bool = False
    is_positive: bool = False

    @property
    def sizes(self) -> tuple[int | None, ...]:
        """Its shape in the file; None for the batch."""
        return tuple(1 if axis is None else self.keras.shape[axis] for axis in self.axes)

    @property
    def channels(self) -> int:
        """Size of the last axis of `keras`."""
        return self.keras.shape[-1]

    def order_as_file(self, name: str) -> Any:
        """The Keras tensor with axes and sizes as in the file."""
        x = self.keras
        placed = [axis for axis in self.axes[1:] if axis is not None]
        placed += [axis for axis in range(1, len(x.shape)) if axis not in placed]  # of size 1
        order = [axis for axis in placed if x.shape[axis] != 1]
        if order != sorted(order):
            x = keras.layers.Permute(placed, name=f"{name}_order")(x)
        sizes = self.sizes[1:]
        return x if tuple(x.shape[1:]) == sizes else keras.layers.Reshape(sizes, name=f"{name}_shape")(x)

    def order_as_image(self, name: str) -> Any:
        """The Keras tensor (n, height, width, channels) of a tensor (n, channels, height, width).

        Raises:
            RunError: the tensor has no four axes.
        """
        if len(self.axes) != 4:
            raise RunError(
                f"it reads a tensor of shape {self.sizes}, not images (n, channels, height, width)"
            )
        if self.axes == CHANNELS_FIRST:
            return self.keras
        _, channels, height, width = self.sizes
        if height == width == 1 and len(self.keras.shape) == 2:
            return keras.layers.Reshape((1, 1, channels), name=f"{name}_shape")(self.keras)
        x = self.order_as_file(name)
        return keras.layers.Permute((2, 3, 1), name=f"{name}_image")(x)

    def transpose(self, order: Sequence[int]) -> "Tensor":
        """With other axes; nothing is computed."""
        if len(order) != len(self.axes) or order[0] != 0:
            raise RunError(f"it orders the axes {list(order)} of a tensor of shape {self.sizes}")
        return Tensor(self.keras, tuple(self.axes[axis] for axis in order), self.is_pixels, self.is_positive)

    def reshape(self, sizes: Sequence[int], name: str) -> "Tensor":
        """With other sizes of one image; nothing is computed if only axes of size 1 come or go."""
        before = [axis for axis, size in zip(self.axes[1:], self.sizes[1:], strict=True) if size != 1]
        if [self.keras.shape[axis] for axis in before] == [size for size in sizes if size != 1]:
            left = iter(before)
            axes = (0, *(None if size == 1 else next(left) for size in sizes))
            return Tensor(self.keras, axes, is_positive=self.is_positive)
        x = self.order_as_file(name)
        y = keras.layers.Reshape(tuple(sizes), name=f"{name}_flat" if len(sizes) == 1 else f"{name}_sizes")(x)
        return Tensor(y, tuple(range(len(sizes) + 1)), is_positive=self.is_positive)


def resolve_shape(tensor: Tensor, shape: Sequence[int], batch: int | None) -> list[int]:
    """The sizes of one image that a Reshape to `shape` gives.

    Args:
        tensor: what is reshaped.
        shape: as the file has it: 0 for a size that stays, -1 for the one that follows from the others.
        batch: images at a time, if the file fixes it.

    Raises:
        RunError: it would mix images with each other.
    """
    stays = [tensor.sizes[i] if size == 0 and i < len(tensor.sizes) else size for i, size in enumerate(shape)]
    total = math.prod(tensor.sizes[1:])
    sizes = [int(size) for size in stays[1:] if size is not None]
    if sizes.count(-1) == 1 and shape[0] in (0, batch):
        known = math.prod(size for size in sizes if size != -1)
        sizes[sizes.index(-1)] = total // max(known, 1)
    if shape[0] not in (0, -1, batch) or math.prod(sizes) != total or min(sizes, default=1) < 1:
        raise RunError(f"it reshapes {tensor.sizes} to {list(shape)}, which mixes images with each other")
    return sizes


def join(first: Tensor, second: Tensor, name: str) -> tuple[list[Any], tuple[int | None, ...]]:
    """Two Keras tensors that broadcast against each other as the file's do, and the axes of what is made of them.

    Raises:
        RunError: they have different numbers of axes.
    """
    if first.axes == second.axes and first.keras.shape[1:] == second.keras.shape[1:]:
        return [first.keras, second.keras], first.axes
    if len(first.axes) != len(second.axes):
        raise RunError(f"it joins tensors of shapes {first.sizes} and {second.sizes}")
    if len(first.axes) == 4:
        pair = zip((first, second), "ab", strict=True)
        return [one.order_as_image(f"{name}_{letter}") for one, letter in pair], CHANNELS_FIRST
    pair = zip((first, second), "ab", strict=True)
    ordered = [one.order_as_file(f"{name}_{letter}") for one, letter in pair]
    return ordered, tuple(range(len(first.axes)))


def is_ascending(axes: Sequence[int | None]) -> bool:
    """Whether axes stand in their natural order."""
    placed = [axis for axis in axes if axis is not None]
    return all(a < b for a, b in itertools.pairwise(placed))
