"""stem -> stages -> head, from a NetworkSpec."""

import contextlib
import re
import sys

import keras

from residual import blocks
from residual.errors import NetworkError
from residual.layers import Layers
from residual.spec import NetworkSpec


def network(
    spec: NetworkSpec,
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    classes: int = 1000,
    normalization: keras.layers.Layer | None = None,
) -> keras.Model:
    """A stock functional Keras model of `spec`: (n, *input_shape) -> (n, classes) probabilities.

    Args:
        spec: what to build.
        input_shape: (height, width, channels); None for a side that varies.
        classes: outputs of the softmax.
        normalization: first layer, on raw pixels; None feeds them to the stem as they are.

    Raises:
        NetworkError: when a side is smaller than `spec.total_stride`.
    """
    check_size(spec, input_shape)
    make = Layers(spec.epsilon, spec.initializer, spec.padding, spec.l2)
    pixels = keras.Input(input_shape, name="image")
    x = normalization(pixels) if normalization is not None else pixels
    x = stem(make, spec, x)
    for index in range(len(spec.blocks)):
        x = stage(make, spec, x, index)
    x = head(make, spec, x, classes)
    with deep_recursion():
        return keras.Model(pixels, x, name=re.sub(r"[^A-Za-z0-9._-]", "_", spec.name))


@contextlib.contextmanager
def deep_recursion(limit: int = 20_000):
    """Let Keras walk networks of hundreds of blocks: it recurses once or more per layer, and Python's
    own limit of 1,000 stops it at about 330 blocks. The limit is restored afterwards."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, limit))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def check_size(spec: NetworkSpec, input_shape) -> None:
    """Raise NetworkError where an image is too small for every stride to have something to do."""
    if len(input_shape) != 3:
        raise NetworkError(f"input_shape must be (height, width, channels); got {tuple(input_shape)}.")
    smallest = spec.total_stride
    sides = [side for side in input_shape[:2] if side is not None]
    if sides and min(sides) < smallest:
        raise NetworkError(
            f"Images of {'x'.join(str(side) for side in input_shape[:2])} pixels are too small for {spec.name}: "
            f"it divides each side by {smallest}, so the smallest is {smallest}x{smallest}. Use larger images "
            f"(`image_size` {smallest}) or a network for small ones, such as cifar-resnet20 (smallest 4x4)."
        )


def stem(make: Layers, spec: NetworkSpec, x):
    """From pixels to the first stage: 1/4 of the size, or the whole of it for the CIFAR stem."""
    name = "conv1" if spec.names == "course" else "stem_conv"
    norm_name, relu_name = (
        ("bn_conv1", "conv1_relu") if spec.names == "course" else ("stem_norm", "stem_relu")
    )
    bias = spec.bias == "all" or (spec.bias == "unnormalised" and spec.stem_end == "none")
    if spec.stem == "cifar":
        x = make.conv(x, spec.stem_width, 3, bias=bias, name=name)
    elif spec.stem == "deep":
        half = spec.stem_width // 2
        x = make.conv(x, half, 3, 2, bias=bias, name=f"{name}1")
        x = make.relu(make.norm(x, name=f"{norm_name}1"), name=f"{relu_name}1")
        x = make.conv(x, half, 3, bias=bias, name=f"{name}2")
        x = make.relu(make.norm(x, name=f"{norm_name}2"), name=f"{relu_name}2")
        x = make.conv(x, spec.stem_width, 3, bias=bias, name=f"{name}3")
    else:
        x = make.conv(x, spec.stem_width, 7, 2, bias=bias, name=name)
    if spec.stem_end != "none":
        x = make.norm(x, name=norm_name)
    if spec.stem_end == "norm-relu":
        x = make.relu(x, name=relu_name)
    return x if spec.stem == "cifar" else _stem_pool(spec, x)


def _stem_pool(spec: NetworkSpec, x):
    if spec.stem == "course":
        return keras.layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    # Zeros are a neutral pad only after a relu; before one (v2 without a stem norm) keras.applications
    # pads with zeros too, so that is what a network of that layout means.
    x = keras.layers.ZeroPadding2D(1, name="stem_pool_pad")(x)
    return keras.layers.MaxPooling2D(3, strides=2, name="stem_pool")(x)


def stage(make: Layers, spec: NetworkSpec, x, index: int):
    """`spec.blocks[index]` blocks at one resolution, one of them striding."""
    count = spec.blocks[index]
    striding = 0 if spec.stride_block == "first" else count - 1
    for i in range(count):
        stride = spec.strides[index] if i == striding else 1
        names = block_names(spec, index, i)
        if spec.preactivation:
            after_stem = index == i == 0 and spec.stem_end == "norm-relu"
            x = preactivated_block(make, spec, x, index, stride, names, activated=after_stem)
        else:
            x = activated_block(make, spec, x, index, stride, names)
    return x


def block_names(spec: NetworkSpec, index: int, i: int) -> blocks.Names:
    """Layer names of block i of stage `index`, both counted from 0."""
    if spec.names == "course":
        return blocks.CourseNames(f"{index + 2}{'abcdefghijklmnopqrstuvwxyz'[i]}")
    return blocks.Names(f"stage{index + 1}_block{i + 1}")


def activated_block(make, spec, x, index: int, stride: int, names):
    """v1: relu(shortcut(x) + F(x)), F = conv-norm-relu ... conv-norm."""
    biases = (spec.bias == "all",) * 2
    F = blocks.post_activation(make, _convs(spec, index, stride, biases), names)
    shortcut = _shortcut(make, spec, x, index, stride, names, norm=spec.shortcut_norm)
    return make.relu(blocks.plus(shortcut(x), F(x), names), name=names.out())


def preactivated_block(make, spec, x, index: int, stride: int, names, activated: bool = False):
    """v2: shortcut(x) + F(a), a = relu(norm(x)), or x where it is `activated` already; F = conv-norm-relu ... conv.

    A projection reads a, as in the paper, or x where `spec.project_from` is "raw".
    """
    a = x if activated else make.relu(make.norm(x, name=names.norm(1)), name=names.relu(1))
    biases = (spec.bias == "all", spec.bias != "none")
    F = blocks.pre_activation(make, _convs(spec, index, stride, biases), names)
    shortcut = _shortcut(make, spec, x, index, stride, names, norm=False)
    from_activated = spec.project_from == "activated" and _projects(spec, x, index)
    return blocks.plus(shortcut(a if from_activated else x), F(a), names)


def _convs(spec: NetworkSpec, index: int, stride: int, bias: tuple[bool, bool]) -> list[blocks.Conv]:
    width, output = spec.widths[index], spec.outputs[index]
    if spec.block == "basic":
        return blocks.basic(width, output, stride, bias)
    return blocks.bottleneck(width, output, stride, spec.stride_on, bias)


def _projects(spec: NetworkSpec, x, index: int) -> bool:
    changes = x.shape[-1] != spec.outputs[index]
    if spec.shortcut == "projection-all":
        return True
    return spec.shortcut in ("projection", "pooled-projection") and changes


def _shortcut(make, spec: NetworkSpec, x, index: int, stride: int, names, norm: bool):
    if spec.shortcut == "none":
        return blocks.no_shortcut
    output = spec.outputs[index]
    if _projects(spec, x, index):
        pool = spec.shortcut == "pooled-projection"
        bias = spec.bias == "all" or (spec.bias == "unnormalised" and not norm)
        return blocks.projection(make, output, stride, names, bias=bias, norm=norm, pool=pool)
    if stride > 1 or x.shape[-1] != output:
        return blocks.zero_pad(output, stride, names)
    return blocks.identity


def head(make: Layers, spec: NetworkSpec, x, classes: int):
    """Global average pooling and the softmax over `classes`; v2 norms and activates first."""
    if spec.preactivation:
        x = make.relu(make.norm(x, name="head_norm"), name="head_relu")
    pool, dense = ("avg_pool", f"fc{classes}") if spec.names == "course" else ("head_pool", "head_dense")
    x = keras.layers.GlobalAveragePooling2D(name=pool)(x)
    init = "glorot_uniform" if spec.names == "course" else "he_normal"
    return keras.layers.Dense(classes, activation="softmax", kernel_initializer=init, name=dense)(x)


_STAGE = re.compile(r"(?:stage(\d+)_)|(?:(?:res|bn)(\d)[a-z]_?)|(?:conv([2-5])_block)")
_HEAD = re.compile(r"head_|avg_pool|fc\d+$|predictions$|post_(bn|relu)")


def group_of(layer_name: str) -> str:
    """The part of the network that a layer belongs to: "stem", "stage1", ..., "head".

    The course counts its stem as stage 1, so its blocks stand in stage2 to stage5.
    """
    match = _STAGE.match(layer_name)
    if match:
        return f"stage{next(group for group in match.groups() if group)}"
    return "head" if _HEAD.match(layer_name) else "stem"


def stage_outputs(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """The output of the stem and of every stage, by name ("stem", "stage1", ...), as Keras tensors.

    `keras.Model(model.input, residual.stage_outputs(model))` computes them all.
    """
    outputs = {}
    for layer in model.layers:
        group = group_of(layer.name)
        if group != "head":
            outputs[group] = layer.output
    return outputs
