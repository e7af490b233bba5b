"""Sums and products, of tensors with each other and with numbers of the file."""

import keras
import numpy as np

from residual.errors import RunError
from residual.importers.onnx_weights.builder import Builder
from residual.importers.onnx_weights.file import Node
from residual.importers.onnx_weights.tensors import Tensor, join


def translate_add(builder: Builder, node: Node) -> Tensor:
    """Add: the end of a residual block, or a shift by channel."""
    constant = _find_constant(builder, node)
    if constant is None:
        return _join(builder, node, keras.layers.Add)
    return _shift(builder, node, *constant)


def translate_sub(builder: Builder, node: Node) -> Tensor:
    """Sub: a shift by channel."""
    constant = _find_constant(builder, node)
    if constant is None:
        return _join(builder, node, keras.layers.Subtract)
    place, values = constant
    if place == 0:
        raise RunError("it subtracts a tensor from numbers of the file")
    return _shift(builder, node, place, -values)


def translate_mul(builder: Builder, node: Node) -> Tensor:
    """Mul: a gate on channels, or a scale by channel, with the shift that follows."""
    constant = _find_constant(builder, node)
    if constant is None:
        return _join(builder, node, keras.layers.Multiply)
    return _scale(builder, node, *constant)


def translate_div(builder: Builder, node: Node) -> Tensor:
    """Div: a scale by channel."""
    constant = _find_constant(builder, node)
    if constant is None or constant[0] == 0:
        raise RunError("it divides by something that is computed")
    place, values = constant
    if not np.all(values):
        raise RunError(f"it divides by zero, in the array {node.inputs[place]}")
    return _scale(builder, node, place, 1 / values)


def translate_concat(builder: Builder, node: Node) -> Tensor:
    """Concat of channels."""
    tensors = [builder.read_tensor(node, place) for place in range(len(node.inputs))]
    axis = int(node.attributes["axis"]) % len(tensors[0].axes)
    place = tensors[0].axes[axis]
    if place is None or any(one.axes != tensors[0].axes for one in tensors):
        raise RunError("it joins tensors of different layouts")
    layer = keras.layers.Concatenate(axis=place, name=builder.name(node))
    is_positive = all(one.is_positive for one in tensors)
    return Tensor(layer([one.keras for one in tensors]), tensors[0].axes, is_positive=is_positive)


def _join(builder: Builder, node: Node, kind: type) -> Tensor:
    if len(node.inputs) != 2:
        raise RunError(f"it joins {len(node.inputs)} tensors; two are rebuilt")
    name = builder.name(node)
    first, second = builder.read_tensor(node, 0), builder.read_tensor(node, 1)
    pair, axes = join(first, second, name)
    is_positive = kind is not keras.layers.Subtract and first.is_positive and second.is_positive
    return Tensor(kind(name=name)(pair), axes, is_positive=is_positive)


def _find_constant(builder: Builder, node: Node) -> tuple[int, np.ndarray] | None:
    """The place and numbers of the operand that stands in the file."""
    for place, name in enumerate(node.inputs):
        if name in builder.constants:
            return place, builder.read_weight(node, place).astype(np.float64)
    return None


def _scale(builder: Builder, node: Node, place: int, values: np.ndarray) -> Tensor:
    """A product with numbers, and the sum with numbers that alone reads it, as one layer."""
    source = builder.read_tensor(node, 1 - place)
    scale = _place_by_channel(source, values, node.inputs[place])
    after = builder.find_sole_reader(node, "Add") or builder.find_sole_reader(node, "Sub")
    found = _find_constant(builder, after) if after is not None else None
    if after is None or found is None or (after.op == "Sub" and found[0] == 0):
        return _apply(builder, node, source, scale, np.zeros(()))
    shift = _place_by_channel(source, found[1] if after.op == "Add" else -found[1], after.inputs[found[0]])
    result = _apply(builder, node, source, scale, shift)
    builder.take_over(after, result)
    return result


def _shift(builder: Builder, node: Node, place: int, values: np.ndarray) -> Tensor:
    source = builder.read_tensor(node, 1 - place)
    shift = _place_by_channel(source, values, node.inputs[place])
    return _apply(builder, node, source, np.ones(()), shift)


def _place_by_channel(source: Tensor, values: np.ndarray, name: str) -> np.ndarray:
    """Numbers that ONNX broadcasts against a tensor: one, or one for each channel of Keras."""
    if values.size == 1:
        return values.reshape(())
    sizes = (1,) * (len(source.axes) - values.ndim) + values.shape
    wide = [axis for axis, size in enumerate(sizes) if size != 1]
    last = len(source.keras.shape) - 1
    if len(wide) != 1 or source.axes[wide[0]] != last or values.size != source.channels:
        raise RunError(
            f"the array {name} has shape {values.shape}; expected is one number, or one for each of the "
            f"{source.channels} channels of {source.sizes}"
        )
    return values.reshape(-1)


def _apply(builder: Builder, node: Node, source: Tensor, scale: np.ndarray, shift: np.ndarray) -> Tensor:
    """x * scale + shift: Rescaling of pixels and by single numbers, else a 1x1 convolution of each channel alone."""
    name, last = builder.name(node), node.outputs[0]
    if source.is_pixels or scale.ndim == shift.ndim == 0 or len(source.keras.shape) != 4:
        layer = keras.layers.Rescaling(scale.tolist(), shift.tolist(), name=name)
        return Tensor(layer(source.keras), source.axes, is_pixels=source.is_pixels)
    count = source.channels
    kernel = np.broadcast_to(scale, (count,)).reshape(1, 1, count, 1)
    layer = keras.layers.DepthwiseConv2D(1, name=name)
    arrays = {"kernel": (last, kernel), "bias": (last, np.broadcast_to(shift, (count,)))}
    return Tensor(builder.add_layer(layer, source.keras, **arrays), source.axes)
