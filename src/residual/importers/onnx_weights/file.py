"""Read an ONNX file: nodes, constants, input and output. Nothing is built or run, and no other file is trusted."""

import math
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from residual._text import first_line
from residual.errors import RunError


@dataclass(frozen=True)
class Node:
    """One operation.

    Attributes:
        op: such as "Conv"; with the domain if that is not ONNX's own.
        name: the node's, or that of its first output.
        inputs, outputs: names of tensors; "" for an optional one that is left out.
        attributes: by name: numbers, lists, texts and arrays.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Input:
    """The image that a network takes.

    Attributes:
        name: of the tensor.
        shape: four sizes, None for one that varies.
    """

    name: str
    shape: tuple[int | None, ...]

    @property
    def is_channels_last(self) -> bool:
        """Whether it is (n, height, width, 3)."""
        return self.shape[3] == 3 and self.shape[1] != 3

    @property
    def sides(self) -> tuple[int | None, int | None]:
        """Height and width."""
        sides = self.shape[1:3] if self.is_channels_last else self.shape[2:4]
        return sides[0], sides[1]


@dataclass(frozen=True)
class OnnxFile:
    """What a file holds.

    Attributes:
        path: the file.
        opset: version of ONNX's operators.
        nodes: each after those that it reads.
        constants: arrays by name.
        image: the input.
        outputs: names of the tensors that the network returns.
        metadata: texts by name.
        is_half: whether it stores numbers of 16 bits.
    """

    path: Path
    opset: int
    nodes: tuple[Node, ...]
    constants: dict[str, np.ndarray]
    image: Input
    outputs: tuple[str, ...]
    metadata: dict[str, str]
    is_half: bool


def read_onnx(path: Path) -> OnnxFile:
    """Read the file at `path`.

    Raises:
        RunError: it is not an ONNX file, is cut short, has its numbers in files outside its folder, or takes
            something else than one image. The message names the array or input.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise RunError(f"{path} needs the package onnx. Install it with pip install onnx.") from None
    try:
        model = onnx.load(path, load_external_data=False)
    except DecodeError as error:
        raise RunError(f"{path} is not an ONNX file, or is cut short: {first_line(error)}") from None
    graph = model.graph
    if not graph.node:
        raise RunError(
            f"{path} is not an ONNX file of a network: it has no nodes. Copy or download it again."
        )
    halves = (onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16)
    return OnnxFile(
        path,
        max((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), default=1),
        tuple(_read_node(path, node) for node in graph.node),
        {tensor.name: _read_tensor(path, tensor) for tensor in graph.initializer},
        _find_image(path, graph),
        tuple(output.name for output in graph.output),
        {entry.key: entry.value for entry in model.metadata_props},
        any(tensor.data_type in halves for tensor in graph.initializer),
    )


def _read_node(path: Path, node: Any) -> Node:
    import onnx

    op = node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"
    name = node.name or (node.output[0] if node.output else op)
    attributes = {}
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.TENSOR:
            attributes[attribute.name] = _read_tensor(path, attribute.t, name)
        elif attribute.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS):
            raise RunError(
                f"{path}: node {name} ({op}) holds a graph of its own, which is not rebuilt. Export the network "
                "without control flow."
            )
        else:
            value = onnx.helper.get_attribute_value(attribute)
            attributes[attribute.name] = (
                value.decode("utf-8", "replace") if isinstance(value, bytes) else value
            )
    return Node(op, name, tuple(node.input), tuple(node.output), attributes)


def _read_tensor(path: Path, tensor: Any, name: str = "") -> np.ndarray:
    import onnx

    name = tensor.name or name
    where = f"{path}: array {name}"
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        return _read_external(path, where, tensor)
    try:
        return onnx.numpy_helper.to_array(tensor)
    except Exception as error:  # its errors have no common class
        raise RunError(f"{where} of shape {tuple(tensor.dims)} cannot be read: {first_line(error)}") from None


def _read_external(path: Path, where: str, tensor: Any) -> np.ndarray:
    """The numbers of an array that lie in another file: one beside the network, and no other."""
    import onnx

    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    file = path.parent / location
    folder = path.parent.resolve()
    named = PurePosixPath(location)
    is_inside = (
        bool(location) and not named.is_absolute() and ".." not in named.parts and "\\" not in location
    )
    if not is_inside or not file.resolve().is_relative_to(folder):
        raise RunError(
            f"{where} lies in {location!r}, outside the folder of the network: refused. Save the network with its "
            "numbers inside, or beside it."
        )
    if not file.is_file():
        raise RunError(f"{where} lies in {location}, which is not beside the network. Copy it to {folder}.")
    kind = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type))
    count = math.prod(tensor.dims)
    try:
        offset = int(entries.get("offset", 0))
    except ValueError:
        offset = -1
    if offset < 0 or offset + count * kind.itemsize > file.stat().st_size:
        raise RunError(
            f"{where} of shape {tuple(tensor.dims)} reaches beyond the end of {location}: that file is cut short."
        )
    return np.fromfile(file, kind, count, offset=offset).reshape(tuple(tensor.dims))


def _find_image(path: Path, graph: Any) -> Input:
    """The one input that is no constant: an image of three colours."""
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs) or "none"
        raise RunError(f"{path} must take one input, an image; it takes {len(inputs)}: {names}.")
    dims = inputs[0].type.tensor_type.shape.dim
    shape = tuple(dim.dim_value or None for dim in dims)
    if len(shape) != 4 or 3 not in (shape[1], shape[3]):
        raise RunError(
            f"{path}: input {inputs[0].name} must be images of three colours, (n, 3, height, width) or "
            f"(n, height, width, 3); it is {shape}."
        )
    return Input(inputs[0].name, shape)
