"""Operators between layers (a division by 255, x + y, a relu) as the stock layers that compute the same.

TensorFlow 2 wrote an operator as a layer called TFOpLambda, SlicingOpLambda or TensorFlowOpLayer, Keras 3 as an
operation of `keras.ops`. Only the operators of the tables here are read; none is looked up or called by its name.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from residual.errors import RunError

REVERSE = "residual: reverse the channels"  # class of an entry for x[..., ::-1]
RESCALE = "Rescaling"
_LAYERS = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer")
_KERAS_3 = "keras.src.ops."

# The functions of TensorFlow, the operations in its graphs, and those of Keras 3 -> what they do.
_KINDS = {
    **dict.fromkeys(("math.truediv", "math.divide", "RealDiv", "Div", "TrueDivide", "Divide"), "divide"),
    **dict.fromkeys(("math.multiply", "__operators__.mul", "Mul", "Multiply"), "multiply"),
    **dict.fromkeys(
        ("math.add", "__operators__.add", "Add", "AddV2", "nn.bias_add", "BiasAdd", "BiasAdd"), "add"
    ),
    **dict.fromkeys(("math.subtract", "__operators__.sub", "Sub", "Subtract"), "subtract"),
    **dict.fromkeys(("cast", "Cast", "convert_to_tensor", "identity", "Identity"), "keep"),
    **dict.fromkeys(("nn.relu", "Relu"), "relu"),
    **dict.fromkeys(("nn.relu6", "Relu6"), "relu6"),
    **dict.fromkeys(("nn.softmax", "Softmax"), "softmax"),
    **dict.fromkeys(("__operators__.getitem", "GetItem"), "slice"),
}
_OF_TWO = {"add": "Add", "multiply": "Multiply", "subtract": "Subtract"}
_IDLE = ("name", "data_format", "dtype", "Tout", "training")
_REVERSED = {"start": None, "stop": None, "step": -1}


class Tensor(NamedTuple):
    """A tensor of the graph: output `output` of call `call` of a layer."""

    layer: str
    call: int = 0
    output: int = 0


class Replaced(NamedTuple):
    """An operator as the entry of a stock layer, and the tensors that it reads."""

    entry: dict
    inputs: list[Tensor]


def is_operator(row: dict) -> bool:
    """Whether the entry of a configuration is an operator between layers."""
    return row.get("class_name") in _LAYERS or str(row.get("module") or "").startswith(_KERAS_3)


def replace_operator(row: dict) -> Replaced:
    """The stock layer that computes what an operator does.

    Args:
        row: its entry in the configuration.

    Raises:
        RunError: if no stock layer does, or the operator is called several times.
    """
    function = _find_function(row)
    kind = _KINDS.get(function)
    nodes = row.get("inbound_nodes") or []
    if kind is None:
        raise RunError(f"it is the operator {function}, which is not one of those that are rebuilt")
    if len(nodes) != 1:
        raise RunError(f"it is an operator that is called {len(nodes)} times, which is not rebuilt")
    operands = [*_read_constants(row), *_read_operands(nodes[0])]
    operands = [value for _, value in sorted(operands, key=lambda pair: pair[0])]
    tensors = [value for value in operands if isinstance(value, Tensor)]
    constants = [value for value in operands if not isinstance(value, Tensor)]
    if not tensors:
        raise RunError(f"the operator {function} reads from no layer")
    if kind == "slice":
        return _replace_slice(nodes[0], tensors)
    if kind == "keep":
        return _replace_cast(row, nodes[0], tensors[:1])
    if kind in ("relu", "relu6", "softmax"):
        return Replaced(_entry("Activation", activation=kind), tensors[:1])
    if len(tensors) == 2 and kind in _OF_TWO:
        return Replaced(_entry(_OF_TWO[kind]), tensors)
    if len(tensors) == 1 and len(constants) == 1:
        return Replaced(_rescale(kind, constants[0], operands[0] is constants[0]), tensors)
    raise RunError(f"the operator {function} with {len(operands)} operands is not rebuilt")


def merge_scalings(replaced: dict[str, Replaced], counts: dict[str, int]) -> dict[str, str]:
    """Make one scaling of several that follow each other: a division by 127.5 and then a subtraction of 1.

    Args:
        replaced: name -> operator; those that went into a later one are removed.
        counts: how often each layer is read from, by layers and as an output.

    Returns:
        removed name -> the name of the scaling that it is part of.
    """
    merged: dict[str, str] = {}
    for name in list(replaced):
        while (before := _find_before(replaced, counts, name)) is not None:
            first, second = replaced.pop(before), replaced[name]
            replaced[name] = Replaced(_chain(first.entry, second.entry), first.inputs)
            merged[before] = name
    return merged


def _find_before(replaced: dict[str, Replaced], counts: dict[str, int], name: str) -> str | None:
    """The scaling that a scaling follows, if nothing else reads from it."""
    if name not in replaced or replaced[name].entry["class_name"] != RESCALE:
        return None
    before = replaced[name].inputs[0].layer
    found = replaced.get(before)
    is_scaling = found is not None and found.entry["class_name"] == RESCALE
    return before if is_scaling and counts.get(before) == 1 else None


def _entry(class_name: str, **config) -> dict:
    return {"class_name": class_name, "config": config, "module": "keras.layers", "registered_name": None}


def _chain(first: dict, second: dict) -> dict:
    """(x * a + b) * c + d as one scaling."""
    (a, b), (c, d) = (
        [np.asarray(entry["config"][key], np.float64) for key in ("scale", "offset")]
        for entry in (first, second)
    )
    return _entry(RESCALE, scale=(a * c).tolist(), offset=(b * c + d).tolist())


def _rescale(kind: str, constant: Any, is_first: bool) -> dict:
    """x / c, x * c, x + c, x - c or c - x as a Rescaling."""
    value = _read_number(constant)
    one = np.ones(())
    if kind == "divide":
        if is_first or (value == 0).any():
            raise RunError("it divides by what is not a number other than 0, which is no scaling")
        scale, offset = one / value, 0 * one
    elif kind == "multiply":
        scale, offset = value, 0 * one
    else:
        scale = -one if kind == "subtract" and is_first else one
        offset = -value if kind == "subtract" and not is_first else value
    return _entry(RESCALE, scale=scale.tolist(), offset=offset.tolist())


def _read_number(constant: Any) -> np.ndarray:
    """A number, or one for each channel."""
    try:
        value = np.asarray(constant, np.float64)
    except (TypeError, ValueError):
        raise RunError(f"its operand is {str(constant)[:60]}, which is not a number") from None
    value = value.reshape(value.shape[-1:]) if value.size == (value.shape or (1,))[-1] else value
    if value.ndim > 1 or not np.isfinite(value).all():
        raise RunError(
            f"its operand of shape {value.shape} is neither a number nor one number for each channel"
        )
    return value


def _replace_slice(node: Any, tensors: list[Tensor]) -> Replaced:
    """x[..., ::-1], which turns RGB into BGR; no other slice."""
    found = node[3].get("slice_spec") if isinstance(node, list) else node["args"][1]
    parts = [_read_slice(part) for part in (found if isinstance(found, list) else [])]
    whole = {"start": None, "stop": None, "step": None}
    if not parts or parts[-1] != _REVERSED or any(part not in ("...", whole) for part in parts[:-1]):
        raise RunError("it takes a part of a tensor, which is not rebuilt; only x[..., ::-1] is")
    if parts[0] != "..." and len(parts) != 4:
        raise RunError("it reverses another axis than the channels, which is not rebuilt")
    return Replaced(_entry(REVERSE), tensors[:1])


def _read_slice(part: Any) -> Any:
    """A slice as {"start", "stop", "step"}, an ellipsis as "..."."""
    if isinstance(part, dict) and "config" in part:
        part = part["config"] if part.get("class_name") == "__slice__" else "..."
    if isinstance(part, dict) and part.get("class_name") in ("__ellipsis__", "Ellipsis", "__Ellipsis__"):
        return "..."
    if isinstance(part, dict):
        return {key: part.get(key) for key in ("start", "stop", "step")}
    return "..." if part in ("...", "Ellipsis", None) else part


def _replace_cast(row: dict, node: Any, tensors: list[Tensor]) -> Replaced:
    """A change of the type; to whole numbers it would round."""
    options = node[3] if isinstance(node, list) and len(node) > 3 else {}
    options = node.get("kwargs", {}) if isinstance(node, dict) else options
    dtype = str(options.get("dtype") or "float32")
    if "float" not in dtype:
        raise RunError(f"it makes {dtype} of what it reads, which is not rebuilt")
    return Replaced(_entry("Activation", activation="linear"), tensors)


def _find_function(row: dict) -> str:
    """The name of an operator in its own library."""
    config = row.get("config") if isinstance(row.get("config"), dict) else {}
    if row["class_name"] == "TensorFlowOpLayer":
        return _read_operation(str(config.get("node_def", "")))
    return str(config.get("function") or row["class_name"])


def _read_operation(node: str) -> str:
    """The operation of a TensorFlow node: field 2 of the message, behind its name."""
    try:
        at = 2 + ord(node[1])
        return (
            node[at + 2 : at + 2 + ord(node[at + 1])] if node[0] == "\n" and node[at] == "\x12" else node[:20]
        )
    except IndexError:
        return node[:20]


def _read_constants(row: dict) -> Iterator[tuple[int, Any]]:
    """(place among the operands, value) of constants beside the graph, as TensorFlow 2.0 to 2.3 wrote them."""
    constants = row["config"].get("constants") if row["class_name"] == "TensorFlowOpLayer" else None
    for place, value in (constants or {}).items():
        yield int(place), value


def _read_operands(node: Any) -> Iterator[tuple[float, Any]]:
    """(place, tensor or constant) of a call."""
    if isinstance(node, dict):  # Keras 3
        values = [*node["args"], *(v for k, v in node.get("kwargs", {}).items() if k not in _IDLE)]
        for place, value in enumerate(values):
            yield place, _read_value(value)
    elif isinstance(node[0], str):  # TensorFlow 2.4 on: the further operands are named
        yield 0, node[2] if node[0] == "_CONSTANT_VALUE" else Tensor(*node[:3])
        for place, (key, value) in enumerate((node[3] if len(node) > 3 else {}).items(), start=1):
            if key not in _IDLE and value is not None:
                yield place, _read_value(value)
    else:
        # Half a place, so that constants at whole places fall between them.
        for place, tensor in enumerate(node):
            yield place + 0.5, Tensor(*tensor[:3])


def _read_value(value: Any) -> Any:
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        return Tensor(*value["config"]["keras_history"])
    is_tensor = isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str)
    return Tensor(*value[:3]) if is_tensor else value
