"""The checks of the learner's own blocks: right ones pass, wrong ones fail and are told why."""

import functools

import keras
import numpy as np
import pytest

from residual.course import (
    Activation,
    Add,
    Conv2D,
    by_hand,
    constant,
    convolutional_block,
    convolutional_block_test,
    glorot_uniform,
    identity_block,
    identity_block_test,
    random_uniform,
)
from residual.course.resnets_utils import BatchNormalization
from residual.errors import NetworkError
from tests import course_blocks


def learner_block(
    X, f, filters, s=None, initializer=glorot_uniform, *, norm=BatchNormalization, last="relu", skip=True
):
    """A block as the learner of notebook B writes it; norm, last and skip make it wrong."""
    x = X
    for i, (width, side) in enumerate(zip(filters, (1, f, 1), strict=True)):
        stride = s if s and i == 0 else 1
        x = Conv2D(width, side, stride, padding="same", kernel_initializer=initializer(seed=0))(x)
        x = norm(axis=3)(x)
        x = Activation("relu")(x) if i < 2 else x
    if s:
        X = Conv2D(filters[-1], 1, s, kernel_initializer=initializer(seed=0))(X)
        X = norm(axis=3)(X)
    return Activation(last)(Add()([x, X]) if skip else x)


def learner_identity(X, f, filters, initializer=random_uniform, **mistakes):
    return learner_block(X, f, filters, None, initializer, **mistakes)


def learner_convolutional(X, f, filters, s=2, initializer=glorot_uniform, **mistakes):
    return learner_block(X, f, filters, s, initializer, **mistakes)


def partial(function, **mistakes):
    """`function` with the mistakes made, and with its signature."""

    @functools.wraps(function)
    def wrong(*args, **kwargs):
        return function(*args, **kwargs, **mistakes)

    return wrong


def test_a_learners_block_has_the_numbers_of_notebook_b():
    A = learner_identity(
        course_blocks.images(), f=2, filters=[4, 4, 3], initializer=lambda seed=0: constant(value=1)
    )
    means = np.array(course_blocks.border(A))
    np.testing.assert_allclose(means[1, :, 2:], [[192.99974, 96.99986], [96.99986, 48.99993]], rtol=1e-6)
    np.testing.assert_allclose(means[2, :, 2:], [[578.9994, 290.99963], [290.99963, 146.99982]], rtol=1e-6)


def named_block(X, f, n_f, stage, block, training=True, initializer=glorot_uniform):
    """The signatures of C and D in one."""
    return identity_block(X, f, n_f, training=training, initializer=initializer, stage=stage, block=block)


@pytest.mark.parametrize(
    ("block", "epsilon"),
    [
        (identity_block, "1e-06"),
        (learner_identity, "1e-06"),
        (partial(learner_identity, norm=keras.layers.BatchNormalization), "0.001"),
        (named_block, "0.001"),
    ],
)
def test_right_identity_blocks_pass(block, epsilon, capsys):
    identity_block_test(block)
    assert capsys.readouterr().out == (
        f"identity_block: all numbers are right, with a batch norm of epsilon {epsilon}.\n"
    )


@pytest.mark.parametrize(
    ("block", "epsilon"),
    [
        (convolutional_block, "1e-06"),
        (learner_convolutional, "1e-06"),
        (partial(learner_convolutional, norm=keras.layers.BatchNormalization), "0.001"),
    ],
)
def test_right_convolutional_blocks_pass(block, epsilon, capsys):
    convolutional_block_test(block)
    shape, *numbers, last = capsys.readouterr().out.splitlines()
    assert shape == "The original X shape is (3, 4, 4, 3)"  # as the course prints
    assert last == f"convolutional_block: all numbers are right, with a batch norm of epsilon {epsilon}."
    assert len(numbers) == 5


@pytest.mark.parametrize(
    ("mistake", "training"),
    [
        ({"last": "linear"}, False),
        ({"skip": False}, False),
        # With kernels as small as these, inference alone cannot tell a new batch norm from none.
        ({"norm": lambda axis: lambda x: x}, True),
    ],
)
def test_wrong_blocks_fail(mistake, training):
    where = f"training={training}: the numbers are up to .* off"
    with pytest.raises(AssertionError, match=f"^identity block, .*{where}"):
        identity_block_test(partial(learner_identity, **mistake))
    with pytest.raises(AssertionError, match=f"^convolutional block, .*{where}"):
        convolutional_block_test(partial(learner_convolutional, **mistake))


def test_the_blocks_by_hand_have_the_numbers_of_notebooks_a_and_b():
    kernels = [np.ones(shape) for shape in ((1, 1, 3, 4), (2, 2, 4, 4), (1, 1, 4, 3))]
    for epsilon, printed in (
        (1e-3, (192.71236, 96.85618, 48.92809)),
        (1e-6, (192.99971, 96.99986, 48.99993)),
    ):
        out = by_hand.block(course_blocks.images(), kernels, epsilon, training=False)
        np.testing.assert_allclose(out[1, (0, 0, 3), (0, 3, 3), 0], printed, rtol=1e-7)


def test_a_block_of_the_wrong_shape_fails():
    def unstrided(X, f, filters, s=2, initializer=None):
        return convolutional_block(X, f, filters, 1, initializer=initializer)

    with pytest.raises(AssertionError, match=r"shape \(3, 1, 1, 6\), got \(3, 4, 4, 6\)"):
        convolutional_block_test(unstrided)


def test_a_block_without_initializer_cannot_be_checked():
    def fixed(X, f, filters):
        return identity_block(X, f, filters)

    with pytest.raises(NetworkError, match=r"needs an argument `initializer`.* It has X, f, filters"):
        identity_block_test(fixed)


def test_course_batch_norm_is_a_stock_layer_with_the_courses_constants():
    layer = BatchNormalization(axis=3, name="bn")
    assert type(layer) is keras.layers.BatchNormalization
    assert (layer.epsilon, layer.momentum, layer.axis, layer.name) == (1e-6, 0.9, 3, "bn")
    x = np.random.default_rng(0).normal(5, 2, (4, 3, 3, 2)).astype("float32")
    got = keras.ops.convert_to_numpy(layer(x, training=True))
    expected = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-6)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
