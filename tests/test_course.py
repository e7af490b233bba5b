"""The notebooks' names, and the numbers that their calls of the blocks print."""

import keras
import numpy as np
import pytest

from residual import course
from residual.course import Input, convolutional_block, identity_block, public_tests, random_uniform
from residual.course.tensorflow import NoTensorFlow
from residual.errors import NetworkError
from tests import course_blocks
from tests.backends import OTHERS, run_on


def rows(inner, corner_row):
    """Both printed rows of an image: three values and one, then the last row."""
    return [[inner[0]] * 3 + [inner[1]], [corner_row[0]] * 3 + [corner_row[1]]]


# rtol 1e-6 plus atol 1e-5.
PRINTED = {
    "A inference": [
        rows((0, 0), (0, 0)),
        rows((192.71233, 96.85616), (96.85616, 48.92808)),
        rows((578.13684, 290.56848), (290.56848, 146.78424)),
    ],
    "A training": [
        rows((0, 0), (0, 0)),
        rows((0.40739, 0.40739), (0.40739, 0.40739)),
        rows((4.99991, 3.25948), (3.25948, 2.40739)),
    ],
    "B inference": [
        rows((0, 0), (0, 0)),
        rows((192.99974, 96.99986), (96.99986, 48.99993)),
        rows((578.9994, 290.99963), (290.99963, 146.99982)),
    ],
    "B training": [
        [[0] * 4] * 2,
        [[0.37387] * 4] * 2,
        [[3.23793, 4.13955, 4.13955, 3.23793]] * 2,
    ],
    "B convolutional": [
        [
            [0.3347573, 1.6415622, 0.33794785, 0.08483201, 0.8150141, 0],
            [0.17481059, 1.5698532, 0.26053628, 0, 0.7671118, 0],
        ],
        [
            [0, 1.4983335, 0.16898686, 0, 0.6183615, 0],
            [0, 1.4503356, 0.11640047, 0, 0.58086616, 0],
        ],
    ],
    "D identity": [0.94822985, 0, 1.1610144, 2.747859, 0, 1.36677],
    "D convolutional": [0.14074254, 1.2335387, 0, 0.19140035, 0.75703484, 0.4619543],
}


def assert_printed(numbers):
    for name, got in numbers.items():
        np.testing.assert_allclose(got, PRINTED[name], rtol=1e-6, atol=1e-5, err_msg=name)


# The blocks' numbers


@pytest.mark.parametrize("cells", ["notebook_a", "notebook_b", "notebook_d"])
def test_the_numbers_that_the_notebooks_print(cells):
    assert_printed(getattr(course_blocks, cells)())


@pytest.mark.parametrize("backend", OTHERS)
def test_the_numbers_on_the_other_backends(backend):
    got = run_on(backend, course_blocks.__file__)
    assert got["numbers"].keys() == PRINTED.keys()
    assert_printed(got["numbers"])
    assert (f"Keras runs on {backend}" in got["tf"]) == (backend != "tensorflow")


# The blocks' signatures

X_INPUT = (8, 8, 6)


@pytest.mark.parametrize(
    ("call", "stride"),
    [
        (lambda X: convolutional_block(X, 3, [2, 4, 6]), 2),
        (lambda X: convolutional_block(X, f=3, filters=[2, 4, 6], s=1), 1),
        (lambda X: convolutional_block(X, 3, [2, 4, 6], 4), 4),
        (lambda X: convolutional_block(X=X, f=3, n_f=[2, 4, 6], s=2, training=True), 2),
        (lambda X: convolutional_block(X=X, f=3, filters=[2, 4, 6], stage=2, block="a", s=2), 2),
        (lambda X: convolutional_block(X, f=2, filters=[2, 4, 6], stage=1, block="a"), 1),
        (lambda X: identity_block(X, 3, [2, 4, 6]), 1),
        (lambda X: identity_block(X, 3, n_f=[2, 4, 6], initializer=random_uniform), 1),
        (lambda X: identity_block(X=X, f=3, filters=[2, 4, 6], stage=2, block="b"), 1),
    ],
)
def test_every_way_of_calling_a_block(call, stride):
    assert call(Input(X_INPUT)).shape == (None, 8 // stride, 8 // stride, 6)


@pytest.mark.parametrize("block", [identity_block, convolutional_block])
def test_filters_go_by_exactly_one_name(block):
    for arguments in ({}, {"filters": [1, 1, 6], "n_f": [1, 1, 6]}):
        with pytest.raises(NetworkError, match="filters or n_f, two names of one thing"):
            block(Input(X_INPUT), 3, **arguments)


def test_blocks_on_arrays_infer_unless_told_otherwise():
    X, one = course_blocks.images(), lambda seed=0: course.Constant(1.0)
    silent, told = (
        keras.ops.convert_to_numpy(identity_block(X, 2, [4, 4, 3], initializer=one, training=training))
        for training in (None, False)
    )
    np.testing.assert_array_equal(silent, told)


# The names

# fmt: off
FROM_KERAS = [
    "Activation", "Adam", "Add", "AveragePooling2D", "Constant", "Conv2D", "Dense", "Flatten",
    "GlobalAveragePooling2D", "GlobalMaxPooling2D", "Input", "LearningRateScheduler", "MaxPool2D",
    "MaxPooling2D", "Model", "ModelCheckpoint", "ReduceLROnPlateau", "ZeroPadding2D", "constant",
    "glorot_uniform", "l2", "layers", "load_model", "plot_model", "random_uniform",
]
OURS = [
    "BatchNormalization", "ImageDataGenerator", "ResNet50", "check", "cifar10",
    "comparator", "convert_to_one_hot",
    "convolutional_block", "convolutional_block_test", "identity_block", "identity_block_test", "keras",
    "load_dataset", "lr_schedule", "np", "print_report",
    "public_tests", "resnet_layer", "resnet_v1", "resnet_v2", "summary",
    "tf", "tf1_glorot_uniform", "tf1_random_uniform", "tf2_glorot_uniform", "tf2_random_uniform",
    "tf2_set_seed", "to_categorical",
]
# fmt: on


def test_the_names():
    namespace = {}
    exec("from residual.course import *", namespace)
    namespace.pop("__builtins__")
    assert sorted(namespace) == sorted(course.__all__) == sorted(FROM_KERAS + OURS)


@pytest.mark.parametrize("name", FROM_KERAS + OURS)
def test_every_name_is_documented(name):
    assert getattr(course, name).__doc__
    if name in OURS:
        assert name in course.__doc__


def test_tf_is_tensorflow_or_explains_itself():
    if keras.backend.backend() == "tensorflow":
        assert course.tf.__name__ == "tensorflow"
        course.tf.random.set_seed(2)
        course.tf.keras.optimizers.Adam(learning_rate=0.00015)
    with pytest.raises(AttributeError, match=r"tf\.random: tf is TensorFlow, and Keras runs on"):
        NoTensorFlow().random


def test_public_tests_is_the_module_of_the_checks():
    assert public_tests.identity_block_test is course.identity_block_test
    assert public_tests.convolutional_block_test is course.convolutional_block_test
