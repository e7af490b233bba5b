"""The graph while it is written: nodes, constants, and tensors that know how Keras shapes them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_CHANNELS_FIRST = (0, 3, 1, 2)  # axes of Keras in the order of ONNX
_CHANNELS_LAST = (0, 2, 3, 1)  # axes of ONNX in the order of Keras


class Tensor:
    """A tensor of the graph. Images are stored channels first, whatever `shape` says.

    Attributes:
        name: in the graph.
        shape: of one image, in the order of Keras: (height, width, channels) or (units,).
    """

    def __init__(self, name: str, shape: Sequence[int]):
        self.name, self.shape = name, tuple(shape)

    @property
    def is_image(self) -> bool:
        """Whether it has sides, so that it is stored channels first."""
        return len(self.shape) == 3

    def place_axis(self, axis: int) -> int:
        """An axis of Keras (0 is the batch; negative ones count from the end) as the axis of the stored tensor."""
        axis %= len(self.shape) + 1
        return _CHANNELS_FIRST.index(axis) if self.is_image else axis

    def place_constant(self, values: np.ndarray) -> np.ndarray:
        """Numbers that Keras broadcasts against the tensor, in the order of the stored tensor."""
        if not self.is_image or values.ndim == 0:
            return values
        return values.reshape((1,) * (4 - values.ndim) + values.shape).transpose(_CHANNELS_FIRST)


@dataclass
class Node:
    """One operation of ONNX; it has one output."""

    op: str
    inputs: list[str]
    output: str
    attributes: dict[str, Any]


@dataclass
class Graph:
    """An ONNX graph while it is written.

    Attributes:
        nodes: each after those that it reads.
        constants: by name.
        layer: name of the Keras layer that is being written; nodes are named after it.
    """

    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    layer: str = ""
    _names: dict[str, int] = field(default_factory=dict)

    def add(
        self, op: str, inputs: Sequence[Tensor | str], shape: Sequence[int] | None = None, **attributes: Any
    ) -> Tensor:
        """Append a node.

        Args:
            op: name of the operation.
            inputs: tensors, and names of constants; "" for an optional input that is left out.
            shape: of the result for one image; None for that of the first input.
            attributes: of the operation; None leaves one out.
        """
        if shape is None:
            assert isinstance(inputs[0], Tensor)
            shape = inputs[0].shape
        output = self._name(f"{self.layer}/{op}")
        names = [one.name if isinstance(one, Tensor) else one for one in inputs]
        present = {name: value for name, value in attributes.items() if value is not None}
        self.nodes.append(Node(op, names, output, present))
        return Tensor(output, shape)

    def add_constant(self, values: Any, name: str, dtype: type = np.float32) -> str:
        """Store numbers and return their name.

        Args:
            values: an array or nested list.
            name: such as "kernel".
            dtype: that they are stored in.
        """
        key = self._name(f"{self.layer}/{name}")
        self.constants[key] = np.ascontiguousarray(np.asarray(values, dtype))
        return key

    def add_shape(self, sides: Sequence[int]) -> str:
        """Store a shape, whole numbers, and return its name."""
        return self.add_constant(sides, "shape", np.int64)

    def order_as_keras(self, x: Tensor) -> Tensor:
        """The tensor with its axes in the order of Keras, for what depends on the order of memory."""
        is_ordered = not x.is_image or x.shape[:2] == (1, 1) or x.shape[2] == 1
        return x if is_ordered else self.add("Transpose", [x], perm=list(_CHANNELS_LAST))

    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        """Another shape of one image, as Keras would read it from memory."""
        ordered = self.order_as_keras(x)
        if len(shape) != 3:
            return self.add("Reshape", [ordered, self.add_shape([0, *shape])], shape)
        if shape[0] == shape[1] == 1:  # the order of memory is the same
            return self.add("Reshape", [ordered, self.add_shape([0, shape[2], 1, 1])], shape)
        unordered = self.add("Reshape", [ordered, self.add_shape([0, *shape])], shape)
        return self.add("Transpose", [unordered], shape, perm=list(_CHANNELS_FIRST))

    def find_reader_counts(self) -> dict[str, int]:
        """How many nodes read each tensor."""
        counts: dict[str, int] = {}
        for node in self.nodes:
            for name in node.inputs:
                counts[name] = counts.get(name, 0) + 1
        return counts

    def _name(self, wanted: str) -> str:
        """The name, or the first free one that begins with it."""
        number = self._names.get(wanted, 0)
        self._names[wanted] = number + 1
        return wanted if not number else f"{wanted}_{number}"
