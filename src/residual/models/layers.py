"""Convolution, norm and activation with a network's defaults bound once."""

from dataclasses import dataclass
from typing import Any

import keras

from residual.errors import NetworkError
from residual.models.spec import NORM_GROUPS


@dataclass(frozen=True)
class Layers:
    """The three layers that a residual network is made of.

    Every method takes a tensor (n, height, width, channels) - an array or a Keras tensor - and a layer
    name (None lets Keras choose), and returns the layer's output.

    Attributes:
        epsilon: added to the variance in a norm.
        initializer: of the kernels: a Keras initializer or its name, or a function that is called with `seed=0`
            for each kernel, as the course's notebooks pass it.
        padding: of a strided convolution wider than 1x1: "symmetric" pads both sides alike, "same" pads
            as TensorFlow does (more at the bottom right).
        l2: weight decay of the convolution kernels as a loss.
        norm_kind: "batch" or "group".
        training: of every batch norm: True uses the batch's statistics, False the moving ones, None leaves it
            to how the model is called.
    """

    epsilon: float = 1e-5
    initializer: Any = "he_normal"
    padding: str = "symmetric"
    l2: float = 0.0
    training: bool | None = None
    norm_kind: str = "batch"

    def conv(
        self, x, filters: int, kernel: int, stride: int = 1, *, bias: bool = False, groups: int = 1, name=None
    ):
        """`kernel` x `kernel` convolution in `groups`; height and width are divided by `stride`."""
        padding = "valid" if kernel == 1 else "same"
        if padding == "same" and stride > 1 and self.padding == "symmetric":
            x = keras.layers.ZeroPadding2D(kernel // 2, name=name and f"{name}_pad")(x)
            padding = "valid"
        layer = keras.layers.Conv2D(
            filters,
            kernel,
            strides=stride,
            padding=padding,
            groups=groups,
            use_bias=bias,
            kernel_initializer=self.kernel_initializer(),
            kernel_regularizer=keras.regularizers.L2(self.l2) if self.l2 else None,
            name=name,
        )
        return layer(x)

    def norm(self, x, *, name=None):
        """Batch normalization over the channels, or group normalization."""
        if self.norm_kind == "group":
            return keras.layers.GroupNormalization(NORM_GROUPS, epsilon=self.epsilon, name=name)(x)
        return keras.layers.BatchNormalization(epsilon=self.epsilon, name=name)(x, training=self.training)

    def relu(self, x, *, name=None):
        """max(x, 0)."""
        return keras.layers.Activation("relu", name=name)(x)

    def kernel_initializer(self):
        """A Keras initializer for the kernel of a new layer."""
        if not isinstance(self.initializer, str | keras.initializers.Initializer):
            return self.initializer(seed=0)
        try:
            return keras.initializers.get(self.initializer)
        except ValueError:
            raise NetworkError(
                f"initializer must be the name of a Keras initializer, such as he_normal; got {self.initializer!r}."
            ) from None
