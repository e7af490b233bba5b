"""Build a network: stem -> stages -> head, from a NetworkSpec."""

import contextlib
import re
import sys

import keras
import numpy as np

from residual.errors import NetworkError
from residual.models import blocks
from residual.models.layer_names import Names, block_names, find_group
from residual.models.layers import Layers
from residual.models.spec import NetworkSpec
from residual.models.whitened import whitened_stem


def build_network(
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
        NetworkError: a side is smaller than `spec.smallest_side`.
    """
    check_image_size(spec, input_shape)
    make = Layers(spec.epsilon, spec.initializer, spec.padding, spec.l2, norm_kind=spec.norm)
    pixels = keras.Input(input_shape, name="image")
    x = normalization(pixels) if normalization is not None else pixels
    x = build_stem(make, spec, x)
    for stage in range(len(spec.blocks)):
        x = build_stage(make, spec, x, stage)
    x = build_head(make, spec, x, classes)
    with raise_recursion_limit():
        model = keras.Model(pixels, x, name=re.sub(r"[^A-Za-z0-9._-]", "_", spec.name))
    if spec.start == "identity":
        begin_as_identity(model)
    return model


@contextlib.contextmanager
def raise_recursion_limit(limit: int = 20_000):
    """Let Keras walk networks of hundreds of blocks, and restore Python's limit afterwards.

    Keras recurses once or more per layer. Python's own limit of 1,000 stops it at about 330 blocks.
    """
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, limit))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def check_image_size(spec: NetworkSpec, input_shape) -> None:
    """Check that images are large enough for every stride of the network.

    Raises:
        NetworkError: they are smaller than `spec.smallest_side`, `input_shape` does not have three entries, or a
            whitened stem does not get three channels.
    """
    if len(input_shape) != 3:
        raise NetworkError(f"input_shape must be (height, width, channels); got {tuple(input_shape)}.")
    smallest = spec.smallest_side
    sides = [side for side in input_shape[:2] if side is not None]
    taken = "its stem takes a pixel, and " if spec.stem == "whitened" else ""
    if spec.stem == "whitened" and input_shape[2] != 3:
        raise NetworkError(
            f"{spec.name} takes images of 3 channels, for which its stem is whitened; got {input_shape[2]}. Repeat the "
            "channel of gray images three times, or choose a network with another stem."
        )
    if sides and min(sides) < smallest:
        raise NetworkError(
            f"Images of {'x'.join(str(side) for side in input_shape[:2])} pixels are too small for {spec.name}: "
            f"{taken}it divides each side by {spec.total_stride}, so the smallest is {smallest}x{smallest}. Use larger "
            f"images (`image_size` {smallest}) or a network for small ones, such as cifar-resnet20 (smallest 4x4)."
        )


def build_stem(make: Layers, spec: NetworkSpec, x):
    """From pixels to the first stage: 1/4 of the size, or the whole of it for the CIFAR stem."""
    course = spec.names == "course"
    name = "conv1" if course else "stem_conv"
    norm_name, relu_name = ("bn_conv1", "conv1_relu") if course else ("stem_norm", "stem_relu")
    bias = spec.bias == "all" or (spec.bias == "unnormalised" and spec.stem_end == "none")
    if spec.stem == "whitened":
        return make.relu(whitened_stem(make, x, name), name=relu_name)
    if spec.stem == "cifar":
        x = make.conv(x, spec.stem_width, 3, bias=bias, name=name)
    elif spec.stem in ("deep", "tiered"):
        first, second, last = spec.deep_stem_widths
        x = make.conv(x, first, 3, 2, bias=bias, name=f"{name}1")
        x = make.relu(make.norm(x, name=f"{norm_name}1"), name=f"{relu_name}1")
        x = make.conv(x, second, 3, bias=bias, name=f"{name}2")
        x = make.relu(make.norm(x, name=f"{norm_name}2"), name=f"{relu_name}2")
        x = make.conv(x, last, 3, bias=bias, name=f"{name}3")
    else:
        x = make.conv(x, spec.stem_width, 7, 2, bias=bias, name=name)
    if spec.stem_end != "none":
        x = make.norm(x, name=norm_name)
    if spec.stem_end == "norm-relu":
        x = make.relu(x, name=relu_name)
    return x if spec.stem == "cifar" else _pool_stem(make, spec, x)


def _pool_stem(make: Layers, spec: NetworkSpec, x):
    if spec.stem == "course":
        return keras.layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    if spec.stem_pool == "conv":
        x = make.conv(x, spec.stem_width, 3, 2, name="stem_pool_conv")
        return make.relu(make.norm(x, name="stem_pool_norm"), name="stem_pool_relu")
    if spec.stem_pool == "max-inside":
        # "same" with a stride would pad the bottom right alone; without a stride it pads both sides alike.
        x = keras.layers.MaxPooling2D(3, strides=1, padding="same", name="stem_pool")(x)
        return keras.layers.MaxPooling2D(1, strides=2, name="stem_pool_subsample")(x)
    # Zeros are a neutral pad only after a relu. Before one (v2 without a stem norm), keras.applications pads with
    # zeros too, so a network of that layout does the same.
    x = keras.layers.ZeroPadding2D(1, name="stem_pool_pad")(x)
    return keras.layers.MaxPooling2D(3, strides=2, name="stem_pool")(x)


def build_stage(make: Layers, spec: NetworkSpec, x, stage: int):
    """`spec.blocks[stage]` blocks at one resolution; one of them strides. `stage` counts from 0."""
    count, stage_stride = spec.blocks[stage], spec.strides[stage]
    if spec.entry == "pooled":
        x, stage_stride = blocks.pooled_entry(make, x, spec.outputs[stage], stage_stride, stage), 1
    striding = 0 if spec.stride_block == "first" else count - 1
    for block in range(count):
        stride = stage_stride if block == striding else 1
        names = block_names(spec, stage, block)
        if spec.preactivation:
            is_activated = stage == block == 0 and spec.stem_end == "norm-relu"
            x = build_preactivation_block(make, spec, x, stage, stride, names, is_activated)
        else:
            x = build_block(make, spec, x, stage, stride, names)
    return x


def build_block(make: Layers, spec: NetworkSpec, x, stage: int, stride: int, names: Names):
    """v1: relu(shortcut(x) + F(x)), F = conv-norm-relu ... conv-norm."""
    convs = _list_convs(spec, stage, stride, (spec.bias == "all",) * 2)
    F = _squeeze(make, spec, names, blocks.post_activation_path(make, convs, names))
    shortcut = _choose_shortcut(make, spec, x, stage, stride, names, norm=spec.shortcut_norm)
    return make.relu(blocks.add(shortcut(x), F(x), names), name=names.out())


def build_preactivation_block(
    make: Layers, spec: NetworkSpec, x, stage: int, stride: int, names: Names, is_activated: bool = False
):
    """v2: shortcut(x) + F(a), a = relu(norm(x)), F = conv ... norm-relu-conv.

    If x `is_activated` already, a is x. A projection reads a, as in the paper, or x if `spec.project_from` is "raw".
    """
    a = x if is_activated else make.relu(make.norm(x, name=names.norm(1)), name=names.relu(1))
    biases = (spec.bias == "all", spec.bias != "none")
    convs = _list_convs(spec, stage, stride, biases)
    F = _squeeze(make, spec, names, blocks.pre_activation_path(make, convs, names))
    shortcut = _choose_shortcut(make, spec, x, stage, stride, names, norm=False)
    reads_a = spec.project_from == "activated" and _has_projection(spec, x, stage)
    return blocks.add(shortcut(a if reads_a else x), F(a), names)


def _squeeze(make: Layers, spec: NetworkSpec, names: Names, F):
    """F, or F with squeeze-and-excitation at its end."""
    if not spec.squeeze:
        return F
    scale = blocks.squeeze_excitation(make, spec.squeeze, names)
    return lambda x: scale(F(x))


def _list_convs(spec: NetworkSpec, stage: int, stride: int, bias: tuple[bool, bool]) -> list[blocks.Conv]:
    width, output = spec.widths[stage], spec.outputs[stage]
    if spec.block == "basic":
        return blocks.basic_convs(width, output, stride, bias)
    if spec.block == "single":
        return [blocks.Conv(output, 3, stride, bias[1])]
    return blocks.bottleneck_convs(width, output, stride, spec.stride_on, bias, spec.groups)


def _has_projection(spec: NetworkSpec, x, stage: int) -> bool:
    changes = x.shape[-1] != spec.outputs[stage]
    if spec.shortcut == "projection-all":
        return True
    return spec.shortcut in ("projection", "pooled-projection") and changes


def _choose_shortcut(
    make: Layers, spec: NetworkSpec, x, stage: int, stride: int, names: Names, *, norm: bool
):
    if spec.shortcut == "none":
        return blocks.no_shortcut
    output = spec.outputs[stage]
    if _has_projection(spec, x, stage):
        pool = spec.shortcut == "pooled-projection"
        bias = spec.bias == "all" or (spec.bias == "unnormalised" and not norm)
        return blocks.projection_shortcut(make, output, stride, names, bias=bias, norm=norm, pool=pool)
    if stride > 1 or x.shape[-1] != output:
        return blocks.zero_pad_shortcut(output, stride, names)
    return blocks.identity_shortcut


def build_head(make: Layers, spec: NetworkSpec, x, classes: int):
    """Global average pooling and the softmax over `classes`; v2 normalizes and activates first."""
    if spec.preactivation:
        x = make.relu(make.norm(x, name="head_norm"), name="head_relu")
    course = spec.names == "course"
    pool, dense = ("avg_pool", f"fc{classes}") if course else ("head_pool", "head_dense")
    pooling = (
        keras.layers.GlobalMaxPooling2D if spec.head_pool == "max" else keras.layers.GlobalAveragePooling2D
    )
    x = pooling(name=pool)(x)
    if spec.feature_scale != 1:
        x = keras.layers.Rescaling(spec.feature_scale, name="head_scale")(x)
    initializer = "glorot_uniform" if course else "he_normal"
    return keras.layers.Dense(classes, activation="softmax", kernel_initializer=initializer, name=dense)(x)


def begin_as_identity(model: keras.Model) -> None:
    """Let every 3x3 convolution of a new network pass its first channels on as they are; the rest stays random."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D) and layer.kernel_size == (3, 3) and layer.groups == 1:
            kernel, *bias = layer.get_weights()
            passed = np.arange(min(kernel.shape[2:]))
            kernel[..., passed] = 0
            kernel[1, 1, passed, passed] = 1
            layer.set_weights([kernel, *bias])


def stage_outputs(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """The outputs of the stem and of every stage, by name ("stem", "stage1", ...), as Keras tensors.

    `keras.Model(model.input, residual.stage_outputs(model))` computes them all.

    Args:
        model: from `residual.build`, from a file of this package, or of keras.applications.
    """
    outputs = {}
    for layer in model.layers:
        group = find_group(layer.name)
        if group != "head":
            outputs[group] = layer.output
    return outputs
