"""Compute what depends on no image: shapes, and arrays that a graph turns before it uses them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from residual.errors import RunError
from residual.importers.onnx_weights.builder import Builder
from residual.importers.onnx_weights.file import Node

_BATCH = 0  # what Reshape takes for "as it is" stands for the number of images in a computed shape
_MOST = 1 << 28  # numbers in a computed array: more than the weights of any network here


def fold_node(builder: Builder, node: Node) -> bool:
    """Compute a node if everything that it reads is known, and keep its result as a constant.

    Returns:
        Whether it is one.

    Raises:
        RunError: it cannot be computed.
    """
    if node.op == "Constant":
        builder.constants[node.outputs[0]] = _read_value(node)
        return True
    if node.op == "Shape":
        builder.constants[node.outputs[0]] = _find_shape(builder, node)
        return True
    names = [name for name in node.inputs if name]
    if not names or any(name not in builder.constants for name in names):
        return False
    if node.op not in _FUNCTIONS:
        raise RunError(
            f"it computes with arrays of the file alone, which is rebuilt of {', '.join(_FUNCTIONS)}"
        )
    arrays = [builder.constants[name] if name else None for name in node.inputs]
    try:
        result = np.asarray(_FUNCTIONS[node.op](node, *arrays))
    except (ValueError, IndexError, TypeError, KeyError) as error:
        raise RunError(f"its arrays do not fit each other: {error}") from None
    if result.size > _MOST:
        raise RunError(f"it makes an array of {result.size:,} numbers")
    builder.constants[node.outputs[0]] = result
    builder.sources[node.outputs[0]] = builder.sources.get(names[0], names[0])
    return True


def _read_value(node: Node) -> np.ndarray:
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if name in node.attributes:
            value = np.asarray(node.attributes[name])
            return value.astype(np.float32) if name.startswith("value_float") else value
    raise RunError("its value is missing")


def _find_shape(builder: Builder, node: Node) -> np.ndarray:
    """The sizes of a tensor; the number of images is `_BATCH`."""
    name = node.inputs[0]
    if name in builder.constants:
        return np.asarray(builder.constants[name].shape, np.int64)
    sizes = [_BATCH if size is None else size for size in builder.read_tensor(node, 0).sizes]
    start, end = node.attributes.get("start", 0), node.attributes.get("end", len(sizes))
    return np.asarray(sizes[start:end], np.int64)


def _unsqueeze(node: Node, x: Any, axes: Any = None) -> np.ndarray:
    return np.expand_dims(x, tuple(int(axis) for axis in _choose(node, "axes", axes)))


def _squeeze(node: Node, x: Any, axes: Any = None) -> np.ndarray:
    chosen = _choose(node, "axes", axes)
    return np.squeeze(x, tuple(int(axis) for axis in chosen) if len(chosen) else None)


def _choose(node: Node, name: str, values: Any) -> Any:
    """An argument that is an attribute in old files and an input in new ones."""
    return node.attributes.get(name, []) if values is None else np.atleast_1d(values)


def _slice(
    node: Node, x: Any, starts: Any = None, ends: Any = None, axes: Any = None, steps: Any = None
) -> Any:
    starts, ends = _choose(node, "starts", starts), _choose(node, "ends", ends)
    axes = (
        _choose(node, "axes", axes) if axes is not None or "axes" in node.attributes else range(len(starts))
    )
    steps = [1] * len(starts) if steps is None else steps
    cuts = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        cuts[int(axis)] = slice(int(start), int(end), int(step))
    return x[tuple(cuts)]


def _reshape(node: Node, x: Any, shape: Any) -> np.ndarray:
    return x.reshape([x.shape[i] if size == 0 else int(size) for i, size in enumerate(shape)])


def _cast(node: Node, x: Any) -> np.ndarray:
    import onnx

    return x.astype(onnx.helper.tensor_dtype_to_np_dtype(node.attributes["to"]))


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "Identity": lambda node, x: x,
    "Cast": _cast,
    "Gather": lambda node, x, indices: np.take(x, indices, axis=node.attributes.get("axis", 0)),
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Concat": lambda node, *arrays: np.concatenate(arrays, node.attributes["axis"]),
    "Slice": _slice,
    "Reshape": _reshape,
    "Transpose": lambda node, x: x.transpose(node.attributes.get("perm", range(x.ndim)[::-1])),
    "Add": lambda node, a, b: a + b,
    "Sub": lambda node, a, b: a - b,
    "Mul": lambda node, a, b: a * b,
    "Div": lambda node, a, b: a / b if a.dtype.kind == "f" else a // b,
    "Sqrt": lambda node, x: np.sqrt(x),
    "Neg": lambda node, x: -x,
}
