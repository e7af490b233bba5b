"""A Keras model while it is built from the nodes of an ONNX file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from residual.errors import RunError
from residual.importers.onnx_weights.file import Node, OnnxFile
from residual.importers.onnx_weights.tensors import Tensor


@dataclass(frozen=True)
class OnnxArray:
    """The numbers of one weight, as `residual.importers.assign` takes them.

    Attributes:
        name: in the file.
        owner: the layer.
        role: "kernel", "bias", "gamma", ...
        numbers: laid out as Keras lays them out.
    """

    name: str
    owner: str
    role: str
    numbers: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.numbers.shape)

    def read(self) -> np.ndarray:
        """The numbers."""
        return self.numbers


@dataclass
class Builder:
    """The state of the translation.

    Attributes:
        file: what is translated.
        names: a layer name for each node, by the id of the node.
        batch: images at a time, if the file fixes it.
        values: tensors by their names in the file.
        constants: arrays by their names in the file, also those that are computed of others.
        arrays: layer name -> its arrays.
        layers: layer name -> layer, for the layers with arrays.
        used: names of the file's arrays that are in the model.
        notes: what the user should know.
        skipped: ids of nodes that another node's layer has taken over.
    """

    file: OnnxFile
    names: dict[int, str]
    batch: int | None = None
    values: dict[str, Tensor] = field(default_factory=dict)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    arrays: dict[str, list[OnnxArray]] = field(default_factory=dict)
    layers: dict[str, keras.layers.Layer] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    skipped: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.constants.update(self.file.constants)
        self._readers: dict[str, list[Node]] = {}
        for node in self.file.nodes:
            for name in node.inputs:
                self._readers.setdefault(name, []).append(node)

    def name(self, node: Node) -> str:
        """The name of the layer that a node becomes."""
        return self.names[id(node)]

    def read_tensor(self, node: Node, place: int) -> Tensor:
        """The tensor that a node reads at `place`.

        Raises:
            RunError: it is a constant, or is not there.
        """
        name = node.inputs[place] if place < len(node.inputs) else ""
        if name not in self.values:
            what = "an array of the file" if name in self.constants else "nothing that the graph computes"
            raise RunError(f"its input {place + 1}, {name or 'left out'}, is {what}")
        return self.values[name]

    def read_constant(self, node: Node, place: int) -> np.ndarray | None:
        """The array that a node reads at `place`; None if it is left out.

        Raises:
            RunError: it is no constant.
        """
        name = node.inputs[place] if place < len(node.inputs) else ""
        if not name:
            return None
        if name not in self.constants:
            missing = "is missing in the file" if name not in self.values else "is computed from the image"
            raise RunError(f"it needs the array {name}, which {missing}")
        self.used.add(self.sources.get(name, name))
        return self.constants[name]

    def read_weight(self, node: Node, place: int, shape: Sequence[int] | None = None) -> np.ndarray:
        """The float array that a node reads at `place`, of a shape if one is expected.

        Raises:
            RunError: it is missing, no constant, no floats, or of another shape.
        """
        values = self.read_constant(node, place)
        if values is None:
            raise RunError(f"its input {place + 1}, an array of weights, is missing")
        name = node.inputs[place]
        if values.dtype.kind != "f" and values.dtype.name != "bfloat16":
            raise RunError(f"the array {name} holds {values.dtype}, not floating-point numbers")
        if shape is not None and values.shape != tuple(shape):
            raise RunError(f"the array {name} has shape {values.shape}; expected is {tuple(shape)}")
        return values.astype(np.float32)

    def add_layer(self, layer: keras.layers.Layer, inputs: Any, **arrays: tuple[str, np.ndarray]) -> Any:
        """Call a layer, and keep the numbers of its weights until all are assigned.

        Args:
            layer: new.
            inputs: what it reads.
            arrays: role -> (name in the file, numbers).

        Returns:
            The Keras tensor that it gives.
        """
        result = layer(inputs)
        if arrays:
            self.layers[layer.name] = layer
            self.arrays[layer.name] = [
                OnnxArray(name, layer.name, role, numbers) for role, (name, numbers) in arrays.items()
            ]
        return result

    def find_sole_reader(self, node: Node, op: str) -> Node | None:
        """The one node that reads the output of `node`, if it is of the kind `op`."""
        output = node.outputs[0]
        readers = self._readers.get(output, [])
        if len(readers) != 1 or output in self.file.outputs or readers[0].op != op:
            return None
        return readers[0]

    def find_bias(self, node: Node, units: int) -> tuple[Node, np.ndarray] | None:
        """The addition of a vector that alone reads the output of a matrix product, and the vector."""
        after = self.find_sole_reader(node, "Add")
        if after is None:
            return None
        for place, name in enumerate(after.inputs):
            if name in self.constants and self.constants[name].size == units:
                return after, self.read_weight(after, place).reshape(units)
        return None

    def take_over(self, node: Node, value: Tensor) -> None:
        """Let a node that another one's layer computes stand for its value."""
        self.skipped.add(id(node))
        self.values[node.outputs[0]] = value
