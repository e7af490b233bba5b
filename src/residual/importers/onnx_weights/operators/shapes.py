"""Operators that move, pad or rename axes, without arithmetic on values."""

import keras
import numpy as np

from residual.errors import RunError
from residual.importers.onnx_weights.builder import Builder
from residual.importers.onnx_weights.file import Node
from residual.importers.onnx_weights.tensors import Tensor, resolve_shape

_FLOATS = (1, 10, 11, 16)  # float32, float16, float64 and bfloat16 in ONNX


def pass_on(builder: Builder, node: Node) -> Tensor:
    """An operator that does nothing when a network predicts."""
    return builder.read_tensor(node, 0)


def translate_cast(builder: Builder, node: Node) -> Tensor:
    """Cast to floats: the network computes in float32."""
    if node.attributes.get("to") not in _FLOATS:
        raise RunError("it turns numbers into whole ones")
    return builder.read_tensor(node, 0)


def translate_transpose(builder: Builder, node: Node) -> Tensor:
    """Transpose: images stay channels last in Keras, so nothing is computed."""
    source = builder.read_tensor(node, 0)
    order = node.attributes.get("perm", range(len(source.axes))[::-1])
    return source.transpose(list(order))


def translate_flatten(builder: Builder, node: Node) -> Tensor:
    """Flatten, in the order of the file: channels first."""
    if node.attributes.get("axis", 1) != 1:
        raise RunError(f"it flattens from axis {node.attributes['axis']}; 1 is rebuilt")
    source = builder.read_tensor(node, 0)
    return source.reshape(resolve_shape(source, [0, -1], builder.batch), builder.name(node))


def translate_reshape(builder: Builder, node: Node) -> Tensor:
    """Reshape of each image."""
    shape = builder.read_constant(node, 1)
    if shape is None:
        raise RunError("its shape is missing")
    source = builder.read_tensor(node, 0)
    return source.reshape(resolve_shape(source, shape.tolist(), builder.batch), builder.name(node))


def translate_squeeze(builder: Builder, node: Node) -> Tensor:
    """Squeeze: without axes of size 1."""
    source = builder.read_tensor(node, 0)
    axes = [axis % len(source.axes) for axis in _read_axes(builder, node)]
    if 0 in axes or any(source.sizes[axis] != 1 for axis in axes):
        raise RunError(f"it takes the axes {axes} from a tensor of shape {source.sizes}")
    sizes = [size for axis, size in enumerate(source.sizes) if axis not in axes]
    return source.reshape([int(size or 0) for size in sizes[1:]], builder.name(node))


def translate_unsqueeze(builder: Builder, node: Node) -> Tensor:
    """Unsqueeze: with more axes of size 1."""
    source = builder.read_tensor(node, 0)
    given = _read_axes(builder, node)
    rank = len(source.axes) + len(given)
    axes, left = [axis % rank for axis in given], list(source.sizes)
    sizes = [1 if axis in axes else left.pop(0) for axis in range(rank)]
    if 0 in axes:
        raise RunError("it puts an axis before the images")
    return source.reshape([int(size or 0) for size in sizes[1:]], builder.name(node))


def _read_axes(builder: Builder, node: Node) -> list[int]:
    given = node.attributes.get("axes")
    if given is None:
        values = builder.read_constant(node, 1)
        if values is None:
            raise RunError("it does not say which axes it means")
        given = values.tolist()
    return [int(axis) for axis in np.atleast_1d(given)]


def translate_pad(builder: Builder, node: Node) -> Tensor:
    """Pad with zeros at the sides of images: ZeroPadding2D. With zeros after the channels: the same, sideways."""
    source, name = builder.read_tensor(node, 0), builder.name(node)
    pads = node.attributes.get("pads", node.attributes.get("paddings"))
    value = node.attributes.get("value", 0.0)
    if pads is None:
        values, filling = builder.read_constant(node, 1), builder.read_constant(node, 2)
        pads = [] if values is None else values.tolist()
        value = 0.0 if filling is None else float(filling.reshape(-1)[0])
    if node.attributes.get("mode", "constant") != "constant" or value != 0 or len(pads) != 8 or min(pads) < 0:
        raise RunError(f"it pads {list(pads)} with {value:g}, mode {node.attributes.get('mode', 'constant')}")
    x = source.order_as_image(name)
    (_, channels, *sides), (_, more, *ends) = pads[:4], pads[4:]
    if pads[0] or pads[4]:
        raise RunError("it pads between images")
    if any(sides + ends):
        rows, columns = zip(sides, ends, strict=True)
        x = keras.layers.ZeroPadding2D((rows, columns), name=name)(x)
    if channels or more:
        # "channels_first" makes the stock layer pad the last two axes: here width (by 0) and channels.
        kind = {"data_format": "channels_first", "name": f"{name}_channels" if any(sides + ends) else name}
        x = keras.layers.ZeroPadding2D(((0, 0), (channels, more)), **kind)(x)
    return Tensor(x, (0, 3, 1, 2), is_positive=source.is_positive)
