"""The course's seeded blocks in plain Keras layers; run as a script, prints their numbers as JSON.

A script of its own so that a test can run it on a backend other than its own.
"""

import json

import keras
import numpy as np

from residual.course.initializers import tf1_glorot_uniform, tf2_glorot_uniform, tf2_set_seed


def block(x, f, filters, epsilon, initializer, stride=None):
    """conv-bn-relu, conv-bn-relu, conv-bn, + shortcut (a convolution if `stride` is given), relu."""

    def conv_bn(x, width, window, strides=1):
        kernel = initializer(seed=0)
        x = keras.layers.Conv2D(width, window, strides, padding="same", kernel_initializer=kernel)(x)
        return keras.layers.BatchNormalization(axis=3, epsilon=epsilon)(x, training=False)

    y = keras.ops.relu(conv_bn(x, filters[0], 1, stride or 1))
    y = keras.ops.relu(conv_bn(y, filters[1], f))
    y = conv_bn(y, filters[2], 1)
    shortcut = x if stride is None else conv_bn(x, filters[2], 1, stride)
    total = keras.layers.Add()([y, shortcut])
    return keras.ops.convert_to_numpy(keras.ops.relu(total))


def tf1_blocks():
    """Notebook D's prints: `out[1, 1, 0]` of its identity and its convolutional block."""
    x = np.random.RandomState(1).randn(3, 4, 4, 6).astype("float32")
    identity = block(x, 2, [2, 4, 6], 1e-3, tf1_glorot_uniform)
    convolutional = block(x, 2, [2, 4, 6], 1e-3, tf1_glorot_uniform, stride=1)
    return {"D identity": identity[1, 1, 0].tolist(), "D convolutional": convolutional[1, 1, 0].tolist()}


def tf2_block():
    """Notebook B's print: the second of two calls that share one stream, its sample 0."""
    x = np.concatenate([np.full((1, 4, 4, 3), value, "float32") for value in (-1, 1, 3)])
    tf2_set_seed(2)
    first, second = (block(x, 2, [2, 4, 6], 1e-6, tf2_glorot_uniform, stride=s) for s in (4, 2))
    assert first.shape == (3, 1, 1, 6)
    return {"B convolutional": second[0].tolist()}


if __name__ == "__main__":
    print(json.dumps({"backend": keras.backend.backend(), **tf1_blocks(), **tf2_block()}))
