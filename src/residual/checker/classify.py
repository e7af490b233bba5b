"""Layers, operators and `keras.ops` calls, however they are spelled, as steps of a few kinds."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from residual.checker.steps import Node, Step


def classify(node: Node) -> list[Step]:
    """The steps that a node stands for: none for a linear activation, two for a Conv2D with an activation."""
    operation = node.operation
    for types, read in _READERS:
        if isinstance(operation, types):
            return read(node)
    if _looks_like_batch_norm(operation):
        return _norm(node)
    if len(node.inputs) > 1:
        return [Step("merge", _merge_name(node), node)]
    return _by_numbers(node)


def _pair(value) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


def _pad_sizes(padding: str, size, kernel, stride) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) that "same" or "valid" stands for on an input of this size."""
    if padding != "same" or None in size:
        return (0, 0, 0, 0)
    pads = []
    for n, k, s in zip(size, kernel, stride, strict=True):
        total = max((-(-n // s) - 1) * s + k - n, 0)
        pads += [total // 2, total - total // 2]
    return tuple(pads)


def _add_activation(node: Node, steps: list[Step]) -> list[Step]:
    """`steps`, and one more if the layer has an activation of its own."""
    activation = getattr(node.operation, "activation", None)
    name = getattr(activation, "__name__", "linear") if activation is not None else "linear"
    return steps if name == "linear" else [*steps, Step("act", name, node)]


def _conv(node: Node) -> list[Step]:
    layer = node.operation
    kernel, stride = _pair(layer.kernel_size), _pair(layer.strides)
    values = {
        "filters": layer.filters,
        "kernel": kernel,
        "stride": stride,
        "pads": _pad_sizes(layer.padding, node.inputs[0].shape[1:3], kernel, stride),
        "padding": layer.padding,
        "bias": layer.use_bias,
        "plain": _pair(layer.dilation_rate) == (1, 1) and layer.groups == 1,
        "l2": float(getattr(layer.kernel_regularizer, "l2", 0.0) or 0.0),
    }
    return _add_activation(node, [Step("conv", "Conv2D", node, values)])


def _norm(node: Node) -> list[Step]:
    layer, rank = node.operation, len(node.inputs[0].shape)
    axis = getattr(layer, "axis", -1)
    axis = axis[0] if isinstance(axis, list | tuple) and len(axis) == 1 else axis
    values = {
        "type": "BatchNormalization",
        "axis": axis % rank if isinstance(axis, int) else axis,
        "epsilon": getattr(layer, "epsilon", None),
        "momentum": getattr(layer, "momentum", None),
        "affine": bool(getattr(layer, "center", True) and getattr(layer, "scale", True)),
        "training": node.flags.get("training"),
    }
    return [Step("norm", "BatchNormalization", node, values)]


def _looks_like_batch_norm(operation) -> bool:
    """A batch norm that is not Keras's class: it keeps moving statistics under the usual names."""
    return all(hasattr(operation, name) for name in ("gamma", "beta", "moving_mean", "moving_variance"))


def _other_norm(node: Node) -> list[Step]:
    name = type(node.operation).__name__
    return [Step("norm", name, node, {"type": name})]


def _pool(kind: str, whole: bool) -> Callable:
    def read(node: Node) -> list[Step]:
        layer, size = node.operation, tuple(node.inputs[0].shape[1:3])
        if whole:
            flat = [] if layer.keepdims else [Step("flatten", "Flatten", node)]
            return [Step("pool", kind, node, {"size": size, "stride": size, "pads": (0, 0, 0, 0)}), *flat]
        window, stride = _pair(layer.pool_size), _pair(layer.strides)
        values = {"size": window, "stride": stride, "pads": _pad_sizes(layer.padding, size, window, stride)}
        return [Step("pool", kind, node, values)]

    return read


def _pad(node: Node) -> list[Step]:
    (top, bottom), (left, right) = node.operation.padding
    if node.operation.data_format != "channels_last":
        return [Step("other", "ZeroPadding2D of the channels", node)]
    return [Step("pad", "ZeroPadding2D", node, {"pads": (top, bottom, left, right)})]


def _flatten(node: Node) -> list[Step]:
    return [Step("flatten", "Flatten", node)]


def _dense(node: Node) -> list[Step]:
    return _add_activation(node, [Step("dense", "Dense", node, {"units": node.operation.units})])


def _skip(node: Node) -> list[Step]:
    return []


def _other(node: Node) -> list[Step]:
    return [Step("other", type(node.operation).__name__, node)]


def _dropout(node: Node) -> list[Step]:
    return [Step("other", type(node.operation).__name__, node, {"dropout": True})]


def _prelu(node: Node) -> list[Step]:
    return [Step("act", "PReLU", node)]


def _activation(node: Node) -> list[Step]:
    name = getattr(node.operation.activation, "__name__", "")
    if name == "linear":
        return []
    return [Step("act", name, node)] if name == "relu" else _by_numbers(node)


_K = keras.layers
_READERS: tuple[tuple[Any, Callable], ...] = (
    (_K.BatchNormalization, _norm),
    ((_K.LayerNormalization, _K.GroupNormalization, _K.UnitNormalization), _other_norm),
    ((_K.SeparableConv2D, _K.DepthwiseConv2D, _K.Conv2DTranspose), _other),
    (_K.Conv2D, _conv),
    (_K.Activation, _activation),
    (_K.MaxPooling2D, _pool("MaxPooling2D", False)),
    (_K.AveragePooling2D, _pool("AveragePooling2D", False)),
    (_K.GlobalAveragePooling2D, _pool("AveragePooling2D", True)),
    (_K.GlobalMaxPooling2D, _pool("MaxPooling2D", True)),
    (_K.ZeroPadding2D, _pad),
    (_K.Flatten, _flatten),
    (_K.Dense, _dense),
    ((_K.Dropout, _K.SpatialDropout2D, _K.GaussianNoise), _dropout),
    (_K.PReLU, _prelu),
    (_K.Identity, _skip),
)

# Functions of one array, by name: an operation that gives the same numbers is that function.
_FUNCTIONS: tuple[tuple[str, Callable], ...] = (
    ("linear", lambda x: x),
    ("relu", lambda x: np.maximum(x, 0)),
    ("sigmoid", lambda x: 1 / (1 + np.exp(-x))),
    ("tanh", np.tanh),
    ("relu6", lambda x: np.clip(x, 0, 6)),
    ("softplus", lambda x: np.log1p(np.exp(x))),
    ("silu", lambda x: x / (1 + np.exp(-x))),
    ("elu", lambda x: np.where(x > 0, x, np.expm1(x))),
    ("softmax", lambda x: np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)),
)
_MERGES: tuple[tuple[str, Callable], ...] = (
    ("add", lambda xs: sum(xs)),
    ("multiply", lambda xs: np.prod(np.stack(xs), axis=0)),
    ("average", lambda xs: sum(xs) / len(xs)),
    ("maximum", lambda xs: np.max(np.stack(xs), axis=0)),
    ("minimum", lambda xs: np.min(np.stack(xs), axis=0)),
    ("subtract", lambda xs: xs[0] - sum(xs[1:])),
)


def _by_numbers(node: Node) -> list[Step]:
    """An operation without weights, recognised by what it computes: Lambda, keras.ops, operators, ReLU()."""
    name = type(node.operation).__name__
    if node.output is None or getattr(node.operation, "weights", None):
        return [Step("other", name, node)]
    x = np.random.RandomState(0).uniform(-8, 8, (2, *node.inputs[0].shape[1:])).astype("float32")
    got = _evaluate(node, [x])
    for label, function in _FUNCTIONS:
        if got is not None and got.shape == x.shape and np.allclose(got, function(x), atol=1e-4):
            return [] if label == "linear" else [Step("act", label, node)]
    if got is not None and got.size == x.size and got.ndim == 2 and np.allclose(got.ravel(), x.ravel()):
        return _flatten(node)
    is_activation = isinstance(node.operation, _K.Activation) or name.lower().endswith(("relu", "elu"))
    named = getattr(getattr(node.operation, "activation", None), "__name__", name)
    return [Step("act" if is_activation else "other", named, node)]


def _merge_name(node: Node) -> str:
    """ "add", "concatenate", ...: by the class's name, else by what it computes, else the class's name."""
    name = type(node.operation).__name__
    if name.lower() in {"concatenate", *(label for label, _ in _MERGES)}:
        return name.lower()
    random = np.random.RandomState(0)
    arrays = [random.uniform(-8, 8, (2, *t.shape[1:])).astype("float32") for t in node.inputs]
    if node.output is None or len({array.shape for array in arrays}) > 1:
        return name
    got = _evaluate(node, arrays)
    for label, function in _MERGES:
        if got is not None and got.shape == arrays[0].shape and np.allclose(got, function(arrays), atol=1e-4):
            return label
    return name


def _evaluate(node: Node, arrays: list[np.ndarray]) -> np.ndarray | None:
    """What the operation returns for these arrays; None if it fails."""
    tensors = [keras.ops.convert_to_tensor(array) for array in arrays]
    try:
        args, kwargs = node.refill(tensors)
        return np.asarray(keras.ops.convert_to_numpy(node.operation(*args, **kwargs)))
    except Exception:  # the learner's operation, which may raise anything
        return None
