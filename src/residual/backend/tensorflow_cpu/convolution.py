"""Convolution and batch norm for TensorFlow on a CPU: the same mathematics in fewer passes over memory.

`Convolution` and `Normalization` add no state to Keras's layers: an instance of the stock layer becomes one of them,
and back, by its class (`backend.accelerate.accelerated`).

- A convolution's three passes each go the way that is fastest here (`operations`, `choice`).
- A bias before a batch norm has no gradient, because the norm subtracts it again: none is computed.
- Batch norm is one fused kernel, which reads bfloat16 as it is. With oneDNN, TensorFlow joins it with the ReLU behind
  it.
"""

from typing import Any

import keras
import tensorflow as tf

from residual.backend.tensorflow_cpu import operations
from residual.backend.tensorflow_cpu.operations import LIBRARY, Shape


def shape_of(layer: keras.layers.Conv2D, size: tuple[int | None, ...]) -> Shape | None:
    """What a layer does with images of this size (height, width, channels); None if only Keras can do it."""
    plain = (
        layer.groups == 1
        and layer.data_format == "channels_last"
        and layer.dilation_rate == (1, 1)
        and layer.strides[0] == layer.strides[1]
        and layer.kernel_size[0] == layer.kernel_size[1]
        and layer.padding in ("same", "valid")
        and keras.activations.serialize(layer.activation) == "linear"
    )
    if not plain or None in size:
        return None
    return Shape(*size, layer.filters, layer.kernel_size[0], layer.strides[0], layer.padding.upper())


class Convolution(keras.layers.Conv2D):
    """`keras.layers.Conv2D` by the ways that were chosen for it; (n, height, width, channels)."""

    bias_is_subtracted = False  # by a batch norm that follows
    ways: tuple[str, ...] | None = None  # of `operations.convolution`; None takes the usual ones

    def call(self, inputs):
        shape = shape_of(self, tuple(inputs.shape[1:]))
        if shape is None:
            return super().call(inputs)
        ways, kernel = self.ways or shape.usual_ways(), tf.convert_to_tensor(self.kernel)
        if all(way == LIBRARY for way in ways):
            return self._with_bias(tf.nn.conv2d(inputs, kernel, shape.stride, shape.padding))
        y: Any = self._with_bias(operations.convolution(inputs, kernel, shape, ways))
        return y if len(y.shape) == 4 else tf.reshape(y, (-1, *shape.output, self.filters))

    def _with_bias(self, y):
        """y (..., channels) + bias; one that is subtracted again gets the gradient zero without computing it."""
        if not self.use_bias:
            return y
        bias = tf.convert_to_tensor(self.bias)
        if self.bias_is_subtracted:
            return tf.nn.bias_add(y, _without_gradient(bias))
        return tf.nn.bias_add(y, bias) if y.dtype == tf.float32 else _add_bias(y, bias)


@tf.custom_gradient
def _add_bias(y, bias):
    """y (..., channels) + bias, both bfloat16; the gradient of the bias is summed in float32.

    TensorFlow's own gradient on a CPU sums in bfloat16. Over 131,072 pixels it was wrong by 97%, and took ten times as
    long.
    """

    def gradient(dy):
        axes = list(range(len(dy.shape) - 1))
        return dy, tf.cast(tf.reduce_sum(tf.cast(dy, tf.float32), axes), bias.dtype)

    return tf.nn.bias_add(y, bias), gradient


@tf.custom_gradient
def _without_gradient(x):
    return tf.identity(x), tf.zeros_like


class Normalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` by TensorFlow's fused kernel; x float32 or bfloat16, (n, h, w, channels)."""

    def call(self, inputs, training=None, mask=None):
        if not self._is_plain(inputs) or mask is not None:
            return super().call(inputs, training=training, mask=mask)
        training = bool(training and self.trainable)
        nothing = tf.zeros([0])
        # The variance that the kernel keeps for its gradient is that of the batch, as Keras's is; the one that it
        # returns for the statistics is n / (n - 1) times as large.
        y, mean, _, _, variance, _ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=tf.convert_to_tensor(self.gamma),
            offset=tf.convert_to_tensor(self.beta),
            mean=nothing if training else tf.convert_to_tensor(self.moving_mean),
            variance=nothing if training else tf.convert_to_tensor(self.moving_variance),
            epsilon=self.epsilon,
            is_training=training,
        )
        if training:
            for kept, seen in ((self.moving_mean.value, mean), (self.moving_variance.value, variance)):
                kept.assign_sub((kept - seen) * (1.0 - self.momentum))
        return y

    def _is_plain(self, inputs) -> bool:
        return (
            len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and self.scale
            and self.center
            and not getattr(self, "renorm", False)  # Keras has it from 3.14 on
            and inputs.dtype in (tf.float32, tf.bfloat16)
        )
