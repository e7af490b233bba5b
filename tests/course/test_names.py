"""The notebooks' names, and the numbers that their calls of the blocks print."""

from pathlib import Path

import keras
import numpy as np
import pytest

from residual import course
from residual.course import (
    Input,
    convolutional_block,
    identity_block,
    initializers,
    learning_phase,
    old_modules,
    public_tests,
    random_uniform,
)
from residual.course._names import Missing
from residual.errors import NetworkError
from tests import course_blocks
from tests.backends import OTHERS, run_on
from tests.support import learners


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
    "Activation", "Adam", "Add", "AveragePooling2D", "BatchNormalization", "Constant", "Conv2D", "Dense", "Dropout",
    "Flatten", "GlobalAveragePooling2D", "GlobalMaxPooling2D", "Input", "LearningRateScheduler", "MaxPool2D",
    "MaxPooling2D", "Model", "ModelCheckpoint", "RandomUniform", "ReduceLROnPlateau", "ZeroPadding2D", "constant",
    "get_file", "glorot_uniform", "identity", "l2", "layers", "load_model", "model_to_dot", "plot_model",
    "random_uniform",
]
OURS = [
    "EagerTensor", "ImageDataGenerator", "K", "ResNet50", "SVG", "check", "cifar10", "comparator",
    "convert_to_one_hot", "convolutional_block", "convolutional_block_test", "identity_block", "identity_block_test",
    "image", "imshow", "json", "keras", "layer_utils", "load_dataset", "lr_schedule", "np", "os", "plt",
    "preprocess_input", "print_report", "public_tests", "resnet_layer", "resnet_v1", "resnet_v2", "summary",
    "tf", "tf1_glorot_uniform", "tf1_random_uniform", "tf2_glorot_uniform", "tf2_random_uniform",
    "tf2_set_seed", "to_categorical",
]
# fmt: on
ERA = {"GlorotUniform"}
PAGE = Path(__file__).parents[2] / "docs" / "course.md"


def import_all(module: str) -> dict:
    namespace: dict = {}
    exec(f"from {module} import *", namespace)
    namespace.pop("__builtins__")
    return namespace


def test_the_names():
    namespace = import_all("residual.course")
    assert sorted(namespace) == sorted(course.__all__) == sorted(FROM_KERAS + OURS)


@pytest.mark.parametrize("version", [1, 2])
def test_an_era_has_the_same_names_and_its_initializers(version):
    namespace = import_all(f"residual.course.tf{version}")
    assert set(namespace) == {*FROM_KERAS, *OURS, *ERA}
    ours = getattr(initializers, f"TF{version}GlorotUniform")
    assert namespace["glorot_uniform"] is namespace["tf"].keras.initializers.glorot_uniform is ours
    assert namespace["keras"].initializers.GlorotUniform is ours
    assert namespace["keras"].layers.Conv2D is keras.layers.Conv2D


@pytest.mark.parametrize("name", FROM_KERAS + OURS)
def test_every_name_is_documented(name):
    assert getattr(course, name).__doc__ or name == "EagerTensor"  # whose backend may not say
    if name in OURS:
        assert name in course.__doc__
    assert f"`{name}`" in PAGE.read_text("utf-8")


# Whose batch norm


@pytest.mark.parametrize("module", ["residual.course", "residual.course.tf1", "residual.course.tf2"])
def test_the_star_import_leaves_keras_its_batch_norm(module):
    """Most notebooks import it from Keras, and a star import after that line must not replace it."""
    assert import_all(module)["BatchNormalization"] is keras.layers.BatchNormalization


def test_the_helper_module_has_the_course_s_batch_norm():
    assert import_all("residual.course.resnets_utils")["BatchNormalization"]().epsilon == 1e-6


@pytest.mark.parametrize(
    ("imports", "first"),
    [
        ("from residual.course.tf2 import *", 192.71236),
        ("from residual.course.tf2 import *\nfrom residual.course.resnets_utils import *", 192.99974),
    ],
)
def test_a_block_has_the_numbers_of_the_batch_norm_that_its_notebook_imports(imports, first):
    namespace: dict = {}
    exec(imports + "\n" + learners.source("identity_block"), namespace)
    out = namespace["identity_block"](
        course_blocks.images(),
        f=2,
        filters=[4, 4, 3],
        training=False,
        initializer=lambda seed=0: course.Constant(1.0),
    )
    np.testing.assert_allclose(out.numpy()[1, 0, 0, 0], first, rtol=1e-6)


# The old names


@pytest.fixture
def phase():
    yield learning_phase.set_learning_phase
    learning_phase.set_learning_phase(False)


def test_the_learning_phase_is_the_default_of_layers_on_arrays(phase):
    x = np.random.default_rng(0).normal(5, 2, (8, 4)).astype("float32")
    layer = keras.layers.BatchNormalization()
    for value in (True, 1):
        phase(value)
        assert abs(float(keras.ops.mean(layer(x)))) < 1e-5
        assert float(keras.ops.mean(layer(x, training=False))) > 1
    phase(0)
    assert float(keras.ops.mean(layer(x))) > 1


def test_the_learning_phase_does_not_reach_predict(phase):
    source = keras.Input((4,))
    model = keras.Model(source, keras.layers.BatchNormalization()(source))
    x = np.full((8, 4), 5, "float32")
    before = model.predict(x, verbose=0)
    phase(1)
    np.testing.assert_array_equal(model.predict(x, verbose=0), before)


def test_a_session_runs_a_block_with_the_values_that_it_is_fed(phase):
    names = import_all("residual.course.tf1")
    tf, K = names["tf"], names["K"]
    phase(1)
    tf.reset_default_graph()
    with tf.Session() as session:
        a, b = tf.placeholder("float", [2, 3]), tf.placeholder(tf.float32, [2, 3])
        total = keras.layers.Add()([a, b])
        normal = keras.layers.BatchNormalization()(a)
        assert session.run(tf.global_variables_initializer()) is None
        x = np.arange(6.0).reshape(2, 3)
        (out,) = session.run([total], feed_dict={a: x, b: x, K.learning_phase(): 0})
        np.testing.assert_array_equal(out, 2 * x)
        inference, training = (
            session.run(normal, feed_dict={a: x, K.learning_phase(): mode}) for mode in (0, 1)
        )
    np.testing.assert_allclose(inference, x / np.sqrt(1.001), rtol=1e-6)
    np.testing.assert_allclose(training.mean(0), 0, atol=1e-6)


def test_tf_seeds_the_streams_of_its_era_and_leaves_numpy_alone():
    tf = import_all("residual.course.tf2")["tf"]
    np.random.seed(1)
    expected = np.random.RandomState(1).rand()
    draws = []
    for _ in range(2):
        tf.random.set_seed(2)
        draws.append(keras.ops.convert_to_numpy(course.tf2_glorot_uniform(seed=0)((3, 3))))
    np.testing.assert_array_equal(*draws)
    assert np.random.rand() == expected
    assert isinstance(tf.keras.optimizers.Adam(learning_rate=0.1), keras.optimizers.Adam)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(tf.nn.relu(np.array([-1.0, 2.0]))), [0, 2])


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("keras.layers.normalization", "BatchNormalization"),
        ("keras.engine.topology", "Layer"),
        ("keras.utils.np_utils", "to_categorical"),
        ("keras.preprocessing.image", "load_img"),
        ("tensorflow.python.keras.layers", "Conv2D"),
        ("tensorflow.keras.initializers", "glorot_uniform"),
    ],
)
def test_old_modules_have_their_names_where_keras_3_keeps_them(module, name):
    value = getattr(old_modules.find_old_module(module), name)
    assert callable(value)
    assert (getattr(value, "__module__", "") or "").startswith("keras")


def test_a_name_that_is_gone_says_what_to_use():
    with pytest.raises(AttributeError, match=r"K\.gradients is gone from Keras 3"):
        course.K.gradients
    with pytest.raises(AttributeError, match=r"tensorflow\.while_loopy is not in Keras 3"):
        old_modules.find_old_module("tensorflow").while_loopy()


def test_what_is_not_installed_says_how_to_get_it():
    with pytest.raises(ImportError, match="plt needs matplotlib: pip install matplotlib"):
        Missing("plt", "matplotlib.pyplot").plot


def test_public_tests_is_the_module_of_the_checks():
    assert public_tests.identity_block_test is course.identity_block_test
    assert public_tests.convolutional_block_test is course.convolutional_block_test
