"""Convolution and batch norm for TensorFlow on a CPU: the same mathematics in fewer passes over memory.

`Convolution` and `Normalization` add no state to Keras's layers: an instance of the stock layer becomes one of them,
and back, by its class (`kernels.accelerated`).

What they do otherwise, and why (single operations of ResNet-50 at 64x64 and batch 32, measured on two cores):
- A 1x1 convolution is a matrix product. As one it needs no reordered copy of its kernel per step.
- Where images are small (6x6 pixels or less) the gradient of a 3x3 kernel is a matrix product too, over the nine
  shifted copies of the image; oneDNN's own takes up to three times as long there. At 2x2 pixels the convolution and
  the gradient of its image are products as well: 2.0 ms of processor time for 3.4 and 3.6 with 512 channels.
- The bias is added to a product while it is rows: there TensorFlow makes one kernel of the two.
- Every second pixel is taken by a 1x1 pooling, and put back by padding: ten times as fast as a strided slice.
- A bias before a batch norm has no gradient, as the norm subtracts it again: none is computed.
- Batch norm is one fused kernel, which reads bfloat16 as it is.
"""

import keras
import tensorflow as tf

_SMALL = 36  # pixels of an image up to which a 3x3 kernel's gradient is a matrix product
_TINY = 4  # pixels up to which the convolution itself and the gradient of its image are, too
_WIDE = 64  # channels from which it is


class Convolution(keras.layers.Conv2D):
    """`keras.layers.Conv2D` by matrix products where they are faster; (n, height, width, channels)."""

    bias_is_subtracted = False  # by a batch norm that follows

    def call(self, inputs):
        kernel, stride, side = tf.convert_to_tensor(self.kernel), self.strides[0], self.kernel_size[0]
        if not self._is_plain() or None in inputs.shape[1:]:
            return super().call(inputs)
        if side == 1:
            rows = self._with_bias(_pointwise(inputs, kernel, stride))
            return tf.reshape(rows, (-1, *(-(-n // stride) for n in inputs.shape[1:3]), self.filters))
        if side == 3 and stride == 1 and self.padding == "same":
            return self._with_bias(_three_by_three(inputs, kernel))
        return super().call(inputs)

    def _is_plain(self) -> bool:
        return (
            self.groups == 1
            and self.data_format == "channels_last"
            and self.dilation_rate == (1, 1)
            and self.strides[0] == self.strides[1]
            and self.kernel_size[0] == self.kernel_size[1]
            and keras.activations.serialize(self.activation) == "linear"
        )

    def _with_bias(self, y):
        """y (..., channels) + bias; one that is subtracted again gets the gradient zero without computing it."""
        if not self.use_bias:
            return y
        bias = tf.convert_to_tensor(self.bias)
        return tf.nn.bias_add(y, _without_gradient(bias) if self.bias_is_subtracted else bias)


@tf.custom_gradient
def _without_gradient(x):
    return tf.identity(x), tf.zeros_like


def _pointwise(x, kernel, stride: int):
    """1x1 convolution of x (n, h, w, i) by kernel (1, 1, i, o) as a matrix product: a row (o,) for every pixel."""
    i, o = kernel.shape[2:]

    @tf.custom_gradient
    def convolve(x, matrix):
        read = tf.nn.max_pool2d(x, 1, stride, "VALID") if stride > 1 else x
        rows = tf.reshape(read, (-1, i))

        def gradient(changes):
            dx = tf.reshape(tf.matmul(changes, matrix, transpose_b=True), (-1, *read.shape[1:]))
            dx = _spread(dx, x.shape, stride) if stride > 1 else dx
            return dx, tf.matmul(rows, changes, transpose_a=True)

        return tf.matmul(rows, matrix), gradient

    return convolve(x, tf.reshape(kernel, (i, o)))


def _spread(x, shape, stride: int):
    """The pixels of x (n, h, w, c) `stride` apart in an image of `shape`, zeros between them."""
    height, width, channels = x.shape[1:]
    between = [[0, 0], [0, 0], [0, stride - 1], [0, 0], [0, stride - 1], [0, 0]]
    x = tf.pad(tf.reshape(x, (-1, height, 1, width, 1, channels)), between)
    x = tf.reshape(x, (-1, height * stride, width * stride, channels))
    return x if x.shape[1:3] == shape[1:3] else x[:, : shape[1], : shape[2]]


def _three_by_three(x, kernel):
    """3x3 convolution of stride 1 that keeps the size, of x (n, h, w, i) by kernel (3, 3, i, o)."""
    height, width, i = x.shape[1:]
    if height * width > _SMALL or i < _WIDE:
        return tf.nn.conv2d(x, kernel, 1, "SAME")
    product = _by_products if height * width <= _TINY else _with_products_for_its_kernel
    return product(x, kernel)


@tf.custom_gradient
def _with_products_for_its_kernel(x, kernel):
    """The convolution by oneDNN, as is the gradient of x; that of the kernel as a matrix product."""

    def gradient(dy):
        dx = tf.raw_ops.Conv2DBackpropInput(
            input_sizes=tf.shape(x), filter=kernel, out_backprop=dy, strides=[1, 1, 1, 1], padding="SAME"
        )
        changes = tf.reshape(dy, (-1, kernel.shape[-1]))
        return dx, tf.reshape(tf.matmul(_patches(x), changes, transpose_a=True), kernel.shape)

    return tf.nn.conv2d(x, kernel, 1, "SAME"), gradient


@tf.custom_gradient
def _by_products(x, kernel):
    """The convolution and both gradients as matrix products."""
    patches, o = _patches(x), kernel.shape[-1]
    matrix = tf.reshape(kernel, (-1, o))

    def gradient(dy):
        changes = tf.reshape(dy, (-1, o))
        dx = _gathered(tf.matmul(changes, matrix, transpose_b=True), x)
        return dx, tf.reshape(tf.matmul(patches, changes, transpose_a=True), kernel.shape)

    return tf.reshape(tf.matmul(patches, matrix), (-1, *x.shape[1:3], o)), gradient


def _patches(x):
    """The 3x3 surroundings of every pixel of x (n, h, w, c), zeros beyond its edges; (n * h * w, 9 * c)."""
    height, width, channels = x.shape[1:]
    x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
    shifted = [x[:, row : row + height, column : column + width] for row in range(3) for column in range(3)]
    return tf.reshape(tf.concat(shifted, -1), (-1, 9 * channels))


def _gathered(patches, x):
    """The transpose of `_patches`: every pixel's sum over the patches (n * h * w, 9 * c) that show it, like x.

    Summed in float32: nine roundings to bfloat16 would add up.
    """
    height, width, channels = x.shape[1:]
    patches = tf.reshape(patches, (-1, height, width, 9, channels))
    shifted = [
        tf.pad(
            tf.cast(patches[:, :, :, 3 * row + column], "float32"),
            [[0, 0], [row, 2 - row], [column, 2 - column], [0, 0]],
        )
        for row in range(3)
        for column in range(3)
    ]
    return tf.cast(tf.add_n(shifted)[:, 1 : height + 1, 1 : width + 1], x.dtype)


class Normalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` by TensorFlow's fused kernel; x float32 or bfloat16, (n, h, w, channels)."""

    def call(self, inputs, training=None, mask=None):
        if not self._is_plain(inputs) or mask is not None:
            return super().call(inputs, training=training, mask=mask)
        training = bool(training and self.trainable)
        nothing = tf.zeros([0])
        y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=tf.convert_to_tensor(self.gamma),
            offset=tf.convert_to_tensor(self.beta),
            mean=nothing if training else tf.convert_to_tensor(self.moving_mean),
            variance=nothing if training else tf.convert_to_tensor(self.moving_variance),
            epsilon=self.epsilon,
            is_training=training,
        )
        if training:
            self._remember(mean, variance, tf.size(inputs) // inputs.shape[-1])
        return y

    def _is_plain(self, inputs) -> bool:
        return (
            len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and self.scale
            and self.center
            and not self.renorm
            and inputs.dtype in (tf.float32, tf.bfloat16)
        )

    def _remember(self, mean, variance, n) -> None:
        """Move the statistics. The kernel's variance is that of a sample, n / (n - 1) of the one Keras keeps."""
        n = tf.cast(n, "float32")
        variance = tf.where(n > 1, variance * ((n - 1) / n), tf.zeros_like(variance))
        for kept, seen in ((self.moving_mean.value, mean), (self.moving_variance.value, variance)):
            kept.assign_sub((kept - seen) * (1.0 - self.momentum))
