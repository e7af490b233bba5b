"""The notebooks' blocks and networks: their argument names, built from `residual.blocks` and the zoo.

Notebooks differ in the names and the order of arguments, so one signature serves them all: everything
after the filters (and the stride) goes by name.
"""

from collections.abc import Sequence

import keras

from residual import blocks, zoo
from residual.errors import NetworkError
from residual.layers import Layers
from residual.networks import network
from residual.training.recipes import NOTEBOOK_E
from residual.training.schedules import Steps

_CIFAR_L2 = 1e-4


def identity_block(
    X,
    f: int,
    filters: Sequence[int] | None = None,
    *,
    n_f: Sequence[int] | None = None,
    training: bool | None = None,
    initializer="glorot_uniform",
    stage: int | None = None,
    block: str | None = None,
    epsilon: float = 1e-3,
):
    """relu(X + F(X)), as `residual.blocks.identity_block`, by the notebooks' argument names.

    Args:
        X: (n, height, width, channels), an array or a Keras tensor; channels must equal `filters[-1]`.
        f: side of the window of the middle convolution.
        filters: channels of the three convolutions.
        n_f: another name for `filters`.
        training: True normalizes with the batch's statistics, False with the moving ones, None leaves it
            to how the model is called (an array alone counts as False); see `residual.blocks.identity_block`.
        initializer: a Keras initializer, its name, or a function called with `seed=0` for each kernel.
        stage, block: name the layers, e.g. 2 and "a" for res2a_branch2a.
        epsilon: added to the variance: 1e-3 as Keras has it, 1e-6 in the course's `BatchNormalization`.

    Returns:
        (n, height, width, filters[-1]), of the kind of X.

    Raises:
        NetworkError: when channels do not fit, or not exactly one of `filters` and `n_f` is given.
    """
    return blocks.identity_block(
        X,
        f,
        _one_of(filters, n_f),
        training=training,
        initializer=initializer,
        epsilon=epsilon,
        stage=stage,
        block=block,
    )


def convolutional_block(
    X,
    f: int,
    filters: Sequence[int] | None = None,
    s: int | None = None,
    *,
    n_f: Sequence[int] | None = None,
    training: bool | None = None,
    initializer="glorot_uniform",
    stage: int | None = None,
    block: str | None = None,
    epsilon: float = 1e-3,
):
    """relu(shortcut(X) + F(X)), as `residual.blocks.convolutional_block`, by the notebooks' argument names.

    Args:
        X: (n, height, width, channels), an array or a Keras tensor.
        f, filters, n_f, training, initializer, stage, block, epsilon: as in `identity_block`.
        s: stride. Left out, it is what the notebook of that style has: 1 for a block named by `stage`,
            2 for one that is not. Better say it.

    Returns:
        (n, ceil(height / s), ceil(width / s), filters[-1]), of the kind of X.

    Raises:
        NetworkError: when not exactly one of `filters` and `n_f` is given.
    """
    if s is None:
        s = 2 if stage is None else 1
    return blocks.convolutional_block(
        X,
        f,
        _one_of(filters, n_f),
        s,
        training=training,
        initializer=initializer,
        epsilon=epsilon,
        stage=stage,
        block=block,
    )


def _one_of(filters: Sequence[int] | None, n_f: Sequence[int] | None) -> Sequence[int]:
    given = [value for value in (filters, n_f) if value is not None]
    if len(given) != 1:
        raise NetworkError(
            f"A block takes filters or n_f, two names of one thing; got filters={filters}, n_f={n_f}."
        )
    return given[0]


def BatchNormalization(axis: int = -1, momentum: float = 0.9, epsilon: float = 1e-6, **options):
    """Keras's batch norm with the course's two constants: gamma * (x - mean) / sqrt(var + 1e-6) + beta.

    The variance is the biased one. Keras's own has epsilon 1e-3 and momentum 0.99 and stays at hand as
    `keras.layers.BatchNormalization`; a notebook that imports it from Keras and means it should use that.

    Args:
        axis: the axis of the channels.
        momentum: share of the moving statistics that a training step keeps.
        epsilon: added to the variance.
        options: further arguments of `keras.layers.BatchNormalization`, such as `name`.

    Returns:
        A stock `keras.layers.BatchNormalization`, so that a saved model opens in plain Keras.
    """
    return keras.layers.BatchNormalization(axis=axis, momentum=momentum, epsilon=epsilon, **options)


def ResNet50(
    input_shape: tuple[int, int, int] = (64, 64, 3), classes: int = 6, *, n_classes: int | None = None
) -> keras.Model:
    """The course's ResNet-50, untrained: (n, *input_shape) -> (n, classes) probabilities.

    Layer names are the course's (conv1, res2a_branch2a, ..., fc6). A ReLU follows the stem's batch norm.
    The 2x2 average pooling and flattening of the notebooks is global average pooling here: the same at
    64x64, and for larger images the dense layer does not grow.

    Args:
        input_shape: (height, width, channels), at least 32x32.
        classes: outputs of the softmax.
        n_classes: another name for `classes`, which it overrules.

    Raises:
        NetworkError: when the images are too small.
    """
    return network(zoo.spec("course-resnet50"), input_shape, classes if n_classes is None else n_classes)


def resnet_v1(input_shape: tuple[int, int, int], depth: int, num_classes: int = 10) -> keras.Model:
    """The CIFAR-10 notebook's ResNet v1 of depth 6n+2: (n, *input_shape) -> (n, num_classes) probabilities.

    Raises:
        NetworkError: depth is not 8, 14, 20, ..., or the images are smaller than 4x4.

    Source: He et al. 2015, arXiv:1512.03385, section 4.2, with conv biases and projections without norm.
    """
    return network(zoo.spec(f"notebook-resnet{depth}"), input_shape, num_classes)


def resnet_v2(input_shape: tuple[int, int, int], depth: int, num_classes: int = 10) -> keras.Model:
    """The CIFAR-10 notebook's ResNet v2 of depth 9n+2: (n, *input_shape) -> (n, num_classes) probabilities.

    Raises:
        NetworkError: depth is not 11, 20, 29, ..., or the images are smaller than 4x4.

    Source: He et al. 2016, arXiv:1603.05027, with conv biases and inner widths 16, 64, 128.
    """
    return network(zoo.spec(f"notebook-resnet{depth}v2"), input_shape, num_classes)


def resnet_layer(
    inputs,
    num_filters: int = 16,
    kernel_size: int = 3,
    strides: int = 1,
    activation: str | None = "relu",
    batch_normalization: bool = True,
    conv_first: bool = True,
):
    """conv-norm-activation, or norm-activation-conv, as the CIFAR-10 notebook stacks them.

    Args:
        inputs: (n, height, width, channels), an array or a Keras tensor.
        num_filters: channels of the result.
        kernel_size: side of the convolution's window.
        strides: stride of the convolution.
        activation: a Keras name, or None for none.
        batch_normalization: whether there is a norm.
        conv_first: True convolves first (v1), False last (v2).

    Returns:
        (n, ceil(height / strides), ceil(width / strides), num_filters), of the kind of `inputs`.
    """
    make = Layers(1e-3, "he_normal", padding="same", l2=_CIFAR_L2)

    def conv(x):
        return make.conv(x, num_filters, kernel_size, strides, bias=True)

    x = conv(inputs) if conv_first else inputs
    if batch_normalization:
        x = make.norm(x)
    if activation is not None:
        x = keras.layers.Activation(activation)(x)
    return x if conv_first else conv(x)


def lr_schedule(epoch: int) -> float:
    """The CIFAR-10 notebook's learning rate: 1e-3, then 1e-4 from epoch 81, ..., 5e-7 from 181 (from 0)."""
    schedule = NOTEBOOK_E.schedule
    assert isinstance(schedule, Steps)
    return [rate for start, rate in schedule.rates_from if start <= epoch][-1]
