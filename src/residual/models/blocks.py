"""Residual blocks: y = shortcut(x) + F(x).

    relu(shortcut(x) + F(x))        v1, F = conv-norm-relu ... conv-norm
    shortcut(x) + F(relu(norm(x)))  v2, F = conv ... norm-relu-conv

F is the main path: it learns the change. The shortcut carries x past it: as it is, if F(x) has the shape of x, or
projected, subsampled and padded. A block chooses the two apart and adds them once, in `add`.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras

from residual.errors import NetworkError
from residual.models.layer_names import Names
from residual.models.layers import Layers


def add(shortcut_x, F_x, names: Names):
    """shortcut(x) + F(x), given both; F(x) alone if the shortcut carries nothing (the plain twin)."""
    if shortcut_x is None:
        return F_x
    return keras.layers.Add(name=names.add())([F_x, shortcut_x])


# F, the main path.


class Conv(NamedTuple):
    """One convolution of a main path: filters, kernel side, stride, whether it has a bias, and its groups."""

    filters: int
    kernel: int
    stride: int = 1
    bias: bool = False
    groups: int = 1


def basic_convs(width: int, output: int, stride: int, bias: tuple[bool, bool] = (False, False)) -> list[Conv]:
    """Two 3x3 convolutions; the first strides. `bias`: of the first and of the second."""
    return [Conv(width, 3, stride, bias[0]), Conv(output, 3, 1, bias[1])]


def bottleneck_convs(
    width: int,
    output: int,
    stride: int,
    stride_on: str = "3x3",
    bias: tuple[bool, bool] = (False, False),
    groups: int = 1,
) -> list[Conv]:
    """1x1 down to `width`, 3x3 in `groups`, 1x1 up to `output`. `bias`: of the first two and of the last."""
    first, second = (stride, 1) if stride_on == "1x1" else (1, stride)
    middle = Conv(width, 3, second, bias[0], groups)
    return [Conv(width, 1, first, bias[0]), middle, Conv(output, 1, 1, bias[1])]


def post_activation_path(make: Layers, convs: Sequence[Conv], names: Names) -> Callable:
    """F of v1: conv-norm-relu for each convolution, without the relu after the last."""

    def F(x):
        for i, conv in enumerate(convs, 1):
            x = _convolve(make, x, conv, names.conv(i))
            x = make.norm(x, name=names.norm(i))
            if i < len(convs):
                x = make.relu(x, name=names.relu(i))
        return x

    return F


def pre_activation_path(make: Layers, convs: Sequence[Conv], names: Names) -> Callable:
    """F of v2 on an activated input: conv, then norm-relu-conv for each further convolution."""

    def F(x):
        for i, conv in enumerate(convs, 1):
            if i > 1:
                x = make.relu(make.norm(x, name=names.norm(i)), name=names.relu(i))
            x = _convolve(make, x, conv, names.conv(i))
        return x

    return F


def _convolve(make: Layers, x, conv: Conv, name: str | None):
    return make.conv(x, conv.filters, conv.kernel, conv.stride, bias=conv.bias, groups=conv.groups, name=name)


def count_squeezed(channels: int, squeeze: int) -> int:
    """Inner channels of squeeze-and-excitation: `channels` divided by `squeeze`, to the nearest multiple of 8."""
    return max(8, (channels // squeeze + 4) // 8 * 8)


def squeeze_excitation(make: Layers, squeeze: int, names: Names) -> Callable:
    """y * sigmoid(conv(relu(conv(mean(y))))): each channel of y scaled by what the whole image shows.

    Args:
        make: the layers.
        squeeze: what the channels of y are divided by, inside.
        names: of the block.
    """

    def scale(y):
        channels = y.shape[-1]
        inner = count_squeezed(channels, squeeze)
        s = keras.layers.GlobalAveragePooling2D(keepdims=True, name=names.squeeze("pool"))(y)
        s = make.conv(s, inner, 1, bias=True, name=names.squeeze("conv1"))
        s = make.relu(s, name=names.squeeze("relu"))
        s = make.conv(s, channels, 1, bias=True, name=names.squeeze("conv2"))
        s = keras.layers.Activation("sigmoid", name=names.squeeze("sigmoid"))(s)
        return keras.layers.Multiply(name=names.squeeze("scale"))([y, s])

    return scale


# How a stage may begin.


def pooled_entry(make: Layers, x, filters: int, stride: int, stage: int):
    """conv-pool-norm-relu: max pooling divides the size by `stride`; `stage` counts from 0."""
    name = f"stage{stage + 1}_entry"
    x = make.conv(x, filters, 3, name=f"{name}_conv")
    if stride > 1:
        x = keras.layers.MaxPooling2D(stride, name=f"{name}_pool")(x)
    return make.relu(make.norm(x, name=f"{name}_norm"), name=f"{name}_relu")


# Shortcuts.


def identity_shortcut(x):
    """x itself."""
    return x


def no_shortcut(x):
    """Nothing: the block of a plain network."""
    return


def projection_shortcut(
    make: Layers, filters: int, stride: int, names: Names, *, bias=False, norm=True, pool=False
) -> Callable:
    """A 1x1 convolution to `filters` channels. With `pool`, average pooling divides the size, not the stride."""

    def shortcut(x):
        if pool and stride > 1:
            pooling = keras.layers.AveragePooling2D(stride, padding="same", name=names.shortcut("pool"))
            x = pooling(x)
        conv_stride = 1 if pool else stride
        x = make.conv(x, filters, 1, conv_stride, bias=bias, name=names.shortcut("conv"))
        return make.norm(x, name=names.shortcut("norm")) if norm else x

    return shortcut


def zero_pad_shortcut(filters: int, stride: int, names: Names) -> Callable:
    """Every `stride`-th pixel, with zeros appended up to `filters` channels; no parameters.

    Raises:
        NetworkError: x has more than `filters` channels.
    """

    def shortcut(x):
        missing = filters - x.shape[-1]
        if missing < 0:
            raise NetworkError(
                f"A zero-padding shortcut cannot go from {x.shape[-1]} down to {filters} channels. Use a projection."
            )
        if stride > 1:
            x = keras.layers.MaxPooling2D(1, strides=stride, name=names.shortcut("subsample"))(x)
        if missing:
            # "channels_first" makes the stock layer pad the last two axes: here width (by 0) and channels.
            # A stock layer keeps the saved file readable if residual is not installed.
            pad = keras.layers.ZeroPadding2D(
                ((0, 0), (0, missing)), data_format="channels_first", name=names.shortcut("pad")
            )
            x = pad(x)
        return x

    return shortcut
