"""The notebooks' calls of their blocks, under our names; run as a script, prints the numbers as JSON.

A script of its own so that a test can run it on a backend other than its own.
"""

# ruff: noqa: F403, F405

import contextlib
import io
import json

from residual.course import *
from residual.course import keras, np


def images():
    X1 = np.ones((1, 4, 4, 3)) * -1
    X2 = np.ones((1, 4, 4, 3)) * 1
    X3 = np.ones((1, 4, 4, 3)) * 3
    return np.concatenate((X1, X2, X3), axis=0).astype(np.float32)


def border(A):
    """The first and last row of every image, averaged over the channels, as A and B print them."""
    return keras.ops.convert_to_numpy(A)[:, (0, -1), :, :].mean(axis=3).tolist()


def notebook_a():
    X, one = images(), lambda seed=0: Constant(1.0)
    return {
        "A inference": border(identity_block(X, f=2, filters=[4, 4, 3], initializer=one, training=False)),
        "A training": border(identity_block(X, f=2, filters=[3, 3, 3], initializer=one, training=True)),
    }


def notebook_b():
    """B's blocks have the course's batch norm and its learning phase: two arguments here."""
    X = images()
    A3 = identity_block(
        X, f=2, filters=[4, 4, 3], initializer=lambda seed=0: constant(value=1), training=False, epsilon=1e-6
    )
    A4 = identity_block(
        X, f=3, filters=[3, 3, 3], initializer=lambda seed=7: constant(value=1), training=True, epsilon=1e-6
    )
    outputs = []

    def recorded(X, f, filters, s=2, training=None, initializer=glorot_uniform, epsilon=1e-3):
        A = convolutional_block(X, f, filters, s, training=training, initializer=initializer, epsilon=epsilon)
        outputs.append(keras.ops.convert_to_numpy(A))
        return A

    with contextlib.redirect_stdout(io.StringIO()):
        public_tests.identity_block_test(identity_block)
        public_tests.convolutional_block_test(recorded)
    assert [A.shape for A in outputs] == [(3, 1, 1, 6), (3, 2, 2, 6), (3, 2, 2, 6)]
    return {"B inference": border(A3), "B training": border(A4), "B convolutional": outputs[1][0].tolist()}


def notebook_d():
    """D's blocks take their seeded initializer from Keras 2; its convolutional block strides by 1."""
    np.random.seed(1)
    X = np.random.randn(3, 4, 4, 6).astype(np.float32)
    outputs = {
        "D identity": identity_block(
            X, f=2, filters=[2, 4, 6], stage=1, block="a", initializer=tf1_glorot_uniform
        ),
        "D convolutional": convolutional_block(
            X, f=2, filters=[2, 4, 6], stage=1, block="a", initializer=tf1_glorot_uniform
        ),
    }
    assert {tuple(out.shape) for out in outputs.values()} == {(3, 4, 4, 6)}
    return {name: keras.ops.convert_to_numpy(out)[1][1][0].tolist() for name, out in outputs.items()}


if __name__ == "__main__":
    numbers = {**notebook_a(), **notebook_b(), **notebook_d()}
    print(json.dumps({"backend": keras.backend.backend(), "numbers": numbers}))
