"""The two blocks of the course, on arrays and on Keras tensors."""

from collections.abc import Sequence

from residual.errors import NetworkError
from residual.models.blocks import Conv, add, post_activation_path, projection_shortcut
from residual.models.layer_names import CourseNames, Names
from residual.models.layers import Layers


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
    """relu(x + F(x)); F keeps the shape of x.

    With three filters, F is 1x1 conv, norm, relu; f x f conv, norm, relu; 1x1 conv, norm. With two, F is
    f x f conv, norm, relu; f x f conv, norm. All strides are 1; every convolution has a bias.

    Args:
        x: (n, height, width, channels), an array or a Keras tensor; channels must equal `filters[-1]`.
        f: side of the window of the middle convolution (of both convolutions, if there are two).
        filters: channels of the three (or two) convolutions.
        training: True normalizes with the batch's statistics, False with the moving ones, None leaves it
            to how the model is called. Leave it out in a model: Keras 3's fit, evaluate and predict overrule
            the flag, and model(x) without a training argument obeys it.
        initializer: a Keras initializer or its name, or a function that is called with `seed=0` for each kernel.
        epsilon: added to the variance in batch norm.
        stage, block: name the layers as the course does: stage=2, block="a" gives res2a_branch2a, ...

    Returns:
        (n, height, width, filters[-1]), of the kind of x.

    Raises:
        NetworkError: the channels of x and `filters[-1]` differ, or `filters` does not have 2 or 3 entries.

    Source: He et al. 2015, arXiv:1512.03385, figure 5.
    """
    convs = _list_convs(f, filters, stride=1)
    if x.shape[-1] != filters[-1]:
        raise NetworkError(
            f"identity_block adds x to F(x), so the last of filters must equal the channels of x: x has "
            f"{x.shape[-1]}, filters is {list(filters)}. Use convolutional_block if they differ."
        )
    make, names = _layers_and_names(training, initializer, epsilon, stage, block)
    F = post_activation_path(make, convs, names)
    return make.relu(add(x, F(x), names), name=names.out())


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
    """relu(shortcut(x) + F(x)); the shortcut is a 1x1 convolution of stride s and a norm.

    F is that of `identity_block`; its first convolution has stride s.

    Args:
        x: (n, height, width, channels), an array or a Keras tensor.
        f: side of the window of the middle convolution (of both convolutions, if there are two).
        filters: channels of the three (or two) convolutions.
        s: stride.
        training, initializer, epsilon, stage, block: as in `identity_block`.

    Returns:
        (n, ceil(height / s), ceil(width / s), filters[-1]), of the kind of x.

    Raises:
        NetworkError: `filters` does not have 2 or 3 entries.

    Source: He et al. 2015, arXiv:1512.03385, section 3.3 (option B).
    """
    convs = _list_convs(f, filters, stride=s)
    make, names = _layers_and_names(training, initializer, epsilon, stage, block)
    shortcut = projection_shortcut(make, filters[-1], s, names, bias=True)
    F = post_activation_path(make, convs, names)
    F_x = F(x)  # before the shortcut: an initializer that draws from one stream draws in the course's order
    return make.relu(add(shortcut(x), F_x, names), name=names.out())


def _list_convs(f: int, filters: Sequence[int], stride: int) -> list[Conv]:
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


def _layers_and_names(training, initializer, epsilon, stage, block) -> tuple[Layers, Names]:
    make = Layers(epsilon, initializer, padding="same", training=training)
    names = Names() if stage is None else CourseNames(f"{stage}{block or ''}")
    return make, names
