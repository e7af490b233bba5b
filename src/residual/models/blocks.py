"""Residual blocks: shortcut(x) + F(x).

A block is a main path F and a shortcut, chosen apart and added once, in `plus`. `identity_block` and
`convolutional_block` are the two blocks of the course, usable on arrays and on Keras tensors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import keras

from residual.errors import NetworkError
from residual.layers import Layers


class Conv(NamedTuple):
    """One convolution of a main path: filters, kernel side, stride, and whether it has a bias."""

    filters: int
    kernel: int
    stride: int = 1
    bias: bool = False


@dataclass(frozen=True)
class Names:
    """Layer names of one block, from the block's own, e.g. "stage1_block2". None leaves them to Keras."""

    block: str | None = None

    def _name(self, part: str) -> str | None:
        return self.block and f"{self.block}_{part}"

    def conv(self, i: int):
        return self._name(f"conv{i}")

    def norm(self, i: int):
        return self._name(f"norm{i}")

    def relu(self, i: int):
        return self._name(f"relu{i}")

    def shortcut(self, part: str):
        return self._name(f"shortcut_{part}")

    def add(self):
        return self._name("add")

    def out(self):
        return self._name("out")


class CourseNames(Names):
    """The course's layer names, e.g. res2a_branch2a and bn2a_branch2a for block "2a"."""

    def _branch(self, prefix: str, branch: str, suffix: str = "") -> str:
        return f"{prefix}{self.block}_branch{branch}{suffix}"

    def conv(self, i: int):
        return self._branch("res", f"2{'abc'[i - 1]}")

    def norm(self, i: int):
        return self._branch("bn", f"2{'abc'[i - 1]}")

    def relu(self, i: int):
        return self._branch("res", f"2{'abc'[i - 1]}", "_relu")

    def shortcut(self, part: str):
        branches = {"conv": ("res", ""), "norm": ("bn", "")}
        prefix, suffix = branches.get(part, ("res", f"_{part}"))
        return self._branch(prefix, "1", suffix)

    def add(self):
        return f"res{self.block}_add"

    def out(self):
        return f"res{self.block}_relu"


def plus(skipped, changed, names: Names):
    """shortcut(x) + F(x), given both; F(x) alone where the shortcut carries nothing (the plain twin)."""
    if skipped is None:
        return changed
    return keras.layers.Add(name=names.add())([changed, skipped])


# Main paths.


def basic(width: int, output: int, stride: int, bias: tuple[bool, bool] = (False, False)) -> list[Conv]:
    """Two 3x3 convolutions; the first strides."""
    return [Conv(width, 3, stride, bias[0]), Conv(output, 3, 1, bias[1])]


def bottleneck(
    width: int, output: int, stride: int, stride_on: str = "3x3", bias: tuple[bool, bool] = (False, False)
) -> list[Conv]:
    """1x1 down to `width`, 3x3, 1x1 up to `output`; `bias` for the inner two and for the last."""
    first, second = (stride, 1) if stride_on == "1x1" else (1, stride)
    return [Conv(width, 1, first, bias[0]), Conv(width, 3, second, bias[0]), Conv(output, 1, 1, bias[1])]


def post_activation(make: Layers, convs: Sequence[Conv], names: Names) -> Callable:
    """F of v1: conv-norm-relu for each convolution, without the relu after the last."""

    def F(x):
        for i, conv in enumerate(convs, 1):
            x = make.conv(x, conv.filters, conv.kernel, conv.stride, bias=conv.bias, name=names.conv(i))
            x = make.norm(x, name=names.norm(i))
            if i < len(convs):
                x = make.relu(x, name=names.relu(i))
        return x

    return F


def pre_activation(make: Layers, convs: Sequence[Conv], names: Names) -> Callable:
    """F of v2 on an activated input: conv, then norm-relu-conv for each further convolution."""

    def F(x):
        for i, conv in enumerate(convs, 1):
            if i > 1:
                x = make.relu(make.norm(x, name=names.norm(i)), name=names.relu(i))
            x = make.conv(x, conv.filters, conv.kernel, conv.stride, bias=conv.bias, name=names.conv(i))
        return x

    return F


# Shortcuts.


def identity(x):
    """The input itself."""
    return x


def no_shortcut(x):
    """Nothing: the block of a plain network."""
    return


def projection(
    make: Layers, filters: int, stride: int, names: Names, *, bias=False, norm=True, pool=False
) -> Callable:
    """1x1 convolution to `filters` channels; with `pool`, average pooling takes the stride's place."""

    def shortcut(x):
        if pool and stride > 1:
            pooling = keras.layers.AveragePooling2D(stride, padding="same", name=names.shortcut("pool"))
            x = pooling(x)
        conv_stride = 1 if pool else stride
        x = make.conv(x, filters, 1, conv_stride, bias=bias, name=names.shortcut("conv"))
        return make.norm(x, name=names.shortcut("norm")) if norm else x

    return shortcut


def zero_pad(filters: int, stride: int, names: Names) -> Callable:
    """Every `stride`-th pixel, with zeros appended up to `filters` channels; no parameters.

    Raises:
        NetworkError: when x has more than `filters` channels.
    """

    def shortcut(x):
        missing = filters - x.shape[-1]
        if missing < 0:
            raise NetworkError(
                f"A zero-padding shortcut cannot go from {x.shape[-1]} down to {filters} channels."
            )
        if stride > 1:
            x = keras.layers.MaxPooling2D(1, strides=stride, name=names.shortcut("subsample"))(x)
        if missing:
            # "channels_first" makes the stock layer pad the last two axes: here width (by 0) and channels.
            # A stock layer keeps the saved file readable where residual is not installed.
            pad = keras.layers.ZeroPadding2D(
                ((0, 0), (0, missing)), data_format="channels_first", name=names.shortcut("pad")
            )
            x = pad(x)
        return x

    return shortcut


# The course's blocks.


def identity_block(
    x,
    f: int,
    filters: Sequence[int],
    *,
    training: bool | None = None,
    initializer="glorot_uniform",
    epsilon: float = 1e-3,
    stage: int | None = None,
    block: str | None = None,
):
    """relu(x + F(x)), F keeping the shape of x.

    With three filters F is 1x1 conv, norm, relu; f x f conv, norm, relu; 1x1 conv, norm. With two, F is
    f x f conv, norm, relu; f x f conv, norm. All strides are 1; every convolution has a bias.

    Args:
        x: (n, height, width, channels), an array or a Keras tensor; channels must equal `filters[-1]`.
        f: side of the window of the middle convolution (of both, with two filters).
        filters: channels of the three (or two) convolutions.
        training: True normalizes with the batch's statistics, False with the moving ones, None leaves it
            to how the model is called. In a model, give none: Keras 3's fit, evaluate and predict overrule
            the flag, and model(x) without one obeys it.
        initializer: a Keras initializer or its name, or a function called with `seed=0` for each kernel.
        epsilon: added to the variance in batch norm.
        stage, block: name the layers as the course does: stage=2, block="a" gives res2a_branch2a, ...

    Returns:
        (n, height, width, filters[-1]), of the kind of x.

    Raises:
        NetworkError: when the channels of x and `filters[-1]` differ, or `filters` has not 2 or 3 entries.

    Source: He et al. 2015, arXiv:1512.03385, figure 5.
    """
    convs = _course_convs(f, filters, stride=1)
    if x.shape[-1] != filters[-1]:
        raise NetworkError(
            f"identity_block adds x to F(x), so the last of filters must equal the channels of x: x has "
            f"{x.shape[-1]}, filters is {list(filters)}. Use convolutional_block where they differ."
        )
    make, names = _course_parts(training, initializer, epsilon, stage, block)
    F = post_activation(make, convs, names)
    return make.relu(plus(identity(x), F(x), names), name=names.out())


def convolutional_block(
    x,
    f: int,
    filters: Sequence[int],
    s: int = 2,
    *,
    training: bool | None = None,
    initializer="glorot_uniform",
    epsilon: float = 1e-3,
    stage: int | None = None,
    block: str | None = None,
):
    """relu(shortcut(x) + F(x)), the shortcut a 1x1 convolution of stride s and a norm.

    F is that of `identity_block`, its first convolution with stride s.

    Args:
        x: (n, height, width, channels), an array or a Keras tensor.
        f: side of the window of the middle convolution (of both, with two filters).
        filters: channels of the three (or two) convolutions.
        s: stride.
        training, initializer, epsilon, stage, block: as in `identity_block`.

    Returns:
        (n, ceil(height / s), ceil(width / s), filters[-1]), of the kind of x.

    Raises:
        NetworkError: when `filters` has not 2 or 3 entries.

    Source: He et al. 2015, arXiv:1512.03385, section 3.3 (option B).
    """
    convs = _course_convs(f, filters, stride=s)
    make, names = _course_parts(training, initializer, epsilon, stage, block)
    shortcut = projection(make, filters[-1], s, names, bias=True)
    F = post_activation(make, convs, names)
    changed = F(x)  # before the shortcut: an initializer that draws from one stream has the course's order
    return make.relu(plus(shortcut(x), changed, names), name=names.out())


def _course_convs(f: int, filters: Sequence[int], stride: int) -> list[Conv]:
    if len(filters) == 3:
        kernels = (1, f, 1)
    elif len(filters) == 2:
        kernels = (f, f)
    else:
        raise NetworkError(
            f"filters needs 3 entries (1x1, f x f, 1x1) or 2 (f x f, f x f); got {list(filters)}."
        )
    strides = (stride, 1, 1)
    return [Conv(n, kernel, s, True) for n, kernel, s in zip(filters, kernels, strides, strict=False)]


def _course_parts(training, initializer, epsilon, stage, block) -> tuple[Layers, Names]:
    make = Layers(epsilon, initializer, padding="same", training=training)
    names = Names() if stage is None else CourseNames(f"{stage}{block or ''}")
    return make, names
