"""Convolutions, matrix products and batch norms: the operators with weights."""

import keras
import numpy as np

from residual.errors import RunError
from residual.importers.onnx_weights.builder import Builder
from residual.importers.onnx_weights.file import Node
from residual.importers.onnx_weights.operators.windows import Windows
from residual.importers.onnx_weights.tensors import CHANNELS_FIRST, Tensor


def translate_conv(builder: Builder, node: Node) -> Tensor:
    """Conv: Conv2D, behind a ZeroPadding2D if it pads other than Keras does."""
    name, source = builder.name(node), builder.read_tensor(node, 0)
    x = source.order_as_image(name)
    weight = builder.read_weight(node, 1)
    groups = int(node.attributes.get("group", 1))
    if weight.ndim != 4 or weight.shape[1] * groups != x.shape[3] or weight.shape[0] % groups:
        expected = f"(filters, {x.shape[3] // groups}, height, width)"
        raise RunError(f"the array {node.inputs[1]} has shape {weight.shape}; expected is {expected}")
    windows = Windows.read(node, x.shape[1:3], weight.shape[2:])
    padding = windows.find_conv_padding()
    if padding == "explicit":
        x, padding = windows.pad(x, name), "valid"
    bias = builder.read_weight(node, 2, weight.shape[:1]) if len(node.inputs) > 2 and node.inputs[2] else None
    layer = keras.layers.Conv2D(
        weight.shape[0],
        weight.shape[2:],
        strides=windows.strides,
        padding=padding,
        dilation_rate=windows.dilations,
        groups=groups,
        use_bias=bias is not None,
        name=name,
    )
    arrays = {"kernel": (node.inputs[1], weight.transpose(2, 3, 1, 0))}
    if bias is not None:
        arrays["bias"] = (node.inputs[2], bias)
    return Tensor(builder.add_layer(layer, x, **arrays), CHANNELS_FIRST)


def translate_gemm(builder: Builder, node: Node) -> Tensor:
    """Gemm: Dense."""
    a = node.attributes
    weight = float(a.get("alpha", 1.0)) * builder.read_weight(node, 1)
    if a.get("transA"):
        raise RunError("it transposes what it reads (transA)")
    kernel = weight.T if a.get("transB") else weight
    bias = None
    if len(node.inputs) > 2 and node.inputs[2]:
        values = float(a.get("beta", 1.0)) * builder.read_weight(node, 2)
        bias = node.inputs[2], np.broadcast_to(values.reshape(-1), kernel.shape[1:])
    return _make_dense(builder, node, kernel, bias)


def translate_matmul(builder: Builder, node: Node) -> Tensor:
    """MatMul: Dense, with the vector that is added to it as its bias."""
    kernel = builder.read_weight(node, 1)
    if kernel.ndim != 2:
        raise RunError(f"the array {node.inputs[1]} has shape {kernel.shape}; expected is (features, units)")
    found = builder.find_bias(node, kernel.shape[1])
    if found is None:
        return _make_dense(builder, node, kernel, None)
    after, values = found
    result = _make_dense(builder, node, kernel, (after.name, values))
    builder.take_over(after, result)
    return result


def _make_dense(
    builder: Builder, node: Node, kernel: np.ndarray, bias: tuple[str, np.ndarray] | None
) -> Tensor:
    name, source = builder.name(node), builder.read_tensor(node, 0)
    if len(source.axes) != 2:
        raise RunError(f"it reads a tensor of shape {source.sizes}; expected is (n, features)")
    x = source.order_as_file(name)
    if kernel.shape[0] != x.shape[1]:
        raise RunError(
            f"the array {node.inputs[1]} has shape {kernel.shape}; expected are {x.shape[1]} features"
        )
    layer = keras.layers.Dense(kernel.shape[1], use_bias=bias is not None, name=name)
    arrays = {"kernel": (node.inputs[1], kernel)}
    if bias is not None:
        arrays["bias"] = bias
    return Tensor(builder.add_layer(layer, x, **arrays), (0, 1))


def translate_batch_norm(builder: Builder, node: Node) -> Tensor:
    """BatchNormalization along the channels, with the file's moving statistics."""
    name, source = builder.name(node), builder.read_tensor(node, 0)
    if node.attributes.get("training_mode"):
        raise RunError(
            "it normalizes with the statistics of the batch (training_mode). Export the network for inference"
        )
    is_image = len(source.axes) == 4
    x = source.order_as_image(name) if is_image else source.order_as_file(name)
    roles = ("gamma", "beta", "moving_mean", "moving_variance")
    arrays = {
        role: (node.inputs[place], builder.read_weight(node, place, (x.shape[-1],)))
        for place, role in enumerate(roles, 1)
    }
    layer = keras.layers.BatchNormalization(
        momentum=min(max(float(node.attributes.get("momentum", 0.9)), 0.0), 0.999),
        epsilon=float(node.attributes.get("epsilon", 1e-5)),
        name=name,
    )
    return Tensor(builder.add_layer(layer, x, **arrays), CHANNELS_FIRST if is_image else (0, 1))
