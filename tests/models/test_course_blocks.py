"""The public blocks against numbers worked out by hand and printed by the course."""

import keras
import numpy as np
import pytest

from residual import convolutional_block, identity_block
from residual.errors import NetworkError

X3 = np.concatenate([value * np.ones((1, 4, 4, 3)) for value in (-1, 1, 3)]).astype("float32")
ONES = keras.initializers.Constant(1.0)
CLOSE = {"rtol": 1e-6, "atol": 1e-5}


def means(block_output) -> np.ndarray:
    return keras.ops.convert_to_numpy(block_output)[:, (0, -1)].mean(axis=3)


def test_identity_block_inference_with_ones():
    got = means(identity_block(X3, 2, [4, 4, 3], initializer=ONES, training=False))
    full, half, quarter = (value * (1 + 1e-3) ** -1.5 + 1 for value in (192, 96, 48))
    one = np.array([[full, full, full, half], [half, half, half, quarter]])
    expected = np.stack([np.zeros((2, 4)), one, 3 * one])
    np.testing.assert_allclose(got, expected, **CLOSE)
    printed = [[192.71233, 192.71233, 192.71233, 96.85616], [96.85616, 96.85616, 96.85616, 48.92808]]
    np.testing.assert_allclose(got[1], printed, **CLOSE)


def test_identity_block_training_with_ones():
    got = means(identity_block(X3, 2, [3, 3, 3], initializer=ONES, training=True))
    inside, edge, corner = 4.99991, 3.25948, 2.40739
    np.testing.assert_allclose(got[0], 0, **CLOSE)
    np.testing.assert_allclose(got[1], 0.40739, **CLOSE)
    np.testing.assert_allclose(got[2], [[inside] * 3 + [edge], [edge] * 3 + [corner]], **CLOSE)


def test_identity_block_inference_with_the_courses_epsilon():
    got = means(identity_block(X3, 2, [4, 4, 3], initializer=ONES, training=False, epsilon=1e-6))
    one = [[192.99974, 192.99974, 192.99974, 96.99986], [96.99986, 96.99986, 96.99986, 48.99993]]
    three = [[578.9994, 578.9994, 578.9994, 290.99963], [290.99963, 290.99963, 290.99963, 146.99982]]
    np.testing.assert_allclose(got[1:], [one, three], **CLOSE)


def test_identity_block_training_with_the_courses_epsilon():
    got = means(identity_block(X3, 3, [3, 3, 3], initializer=ONES, training=True, epsilon=1e-6))
    np.testing.assert_allclose(got[1], 0.37387, **CLOSE)
    np.testing.assert_allclose(got[2], [[3.23793, 4.13955, 4.13955, 3.23793]] * 2, **CLOSE)


def test_initializer_called_with_a_seed_per_kernel():
    seeds = []

    def initializer(seed):
        seeds.append(seed)
        return ONES

    convolutional_block(X3, 2, [4, 4, 3], initializer=initializer)
    assert seeds == [0, 0, 0, 0]


def test_two_filters_give_the_two_layer_form():
    got = keras.ops.convert_to_numpy(identity_block(X3, 1, [3, 3], initializer=ONES, training=False))
    np.testing.assert_allclose(got[1], 9 / 1.001 + 1, **CLOSE)
    assert convolutional_block(X3, 3, [4, 5], 2).shape == (3, 2, 2, 5)


@pytest.mark.parametrize("s", [1, 2, 3, 4])
def test_convolutional_block_shape(s):
    side = -(-4 // s)
    assert convolutional_block(X3, 2, [2, 4, 6], s).shape == (3, side, side, 6)


def test_stage_and_block_name_the_layers():
    pixels = keras.Input((8, 8, 6))
    y = convolutional_block(pixels, 3, [2, 2, 8], stage=3, block="a")
    names = {layer.name for layer in keras.Model(pixels, y).layers}
    convs = {"res3a_branch2a", "res3a_branch2b", "res3a_branch2c", "res3a_branch1"}
    norms = {"bn3a_branch2a", "bn3a_branch2b", "bn3a_branch2c", "bn3a_branch1"}
    assert convs | norms <= names


def test_training_none_follows_the_call():
    pixels = keras.Input((4, 4, 3))
    model = keras.Model(pixels, identity_block(pixels, 2, [3, 3, 3], initializer=ONES))
    expected = means(identity_block(X3, 2, [3, 3, 3], initializer=ONES, training=True))
    np.testing.assert_allclose(means(model(X3, training=True)), expected, **CLOSE)


def test_wrong_channels_and_filters():
    with pytest.raises(NetworkError, match=r"x has 3, filters is \[4, 4, 5\]. Use convolutional_block"):
        identity_block(X3, 2, [4, 4, 5])
    with pytest.raises(NetworkError, match=r"filters needs 3 entries .* got \[4\]"):
        convolutional_block(X3, 2, [4])
