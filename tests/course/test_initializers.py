"""The initializers of the TensorFlow 1 and 2.9 eras, and the numbers that the notebooks print."""

import copy
import json
import pickle
import time

import keras
import numpy as np
import pytest

from residual.course import initializers
from residual.course.initializers import (
    glorot_fans,
    tf1_glorot_uniform,
    tf1_random_uniform,
    tf2_glorot_uniform,
    tf2_random_uniform,
    tf2_set_seed,
)
from residual.course.philox import UniformStream
from residual.errors import ResidualError
from tests import seeded_blocks
from tests.backends import OTHERS, run_on

ALL = [tf1_glorot_uniform, tf1_random_uniform, tf2_glorot_uniform, tf2_random_uniform]

# What the notebooks print; rtol 1e-6 plus atol 1e-5.
PRINTED = {
    "D identity": [0.94822985, 0, 1.1610144, 2.747859, 0, 1.36677],
    "D convolutional": [0.14074254, 1.2335387, 0, 0.19140035, 0.75703484, 0.4619543],
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
}


@pytest.fixture(autouse=True)
def fresh_streams():
    tf2_set_seed(None)
    yield
    tf2_set_seed(None)


def draw(initializer, shape):
    return keras.ops.convert_to_numpy(initializer(shape))


def assert_printed(name, got):
    np.testing.assert_allclose(got, PRINTED[name], rtol=1e-6, atol=1e-5, err_msg=name)


# The streams


def test_tf1_draws_all_start_at_the_beginning():
    initializer = tf1_glorot_uniform(seed=0)
    first = draw(initializer, (3, 3, 4, 5))
    np.testing.assert_array_equal(draw(initializer, (3, 3, 4, 5)), first)
    np.testing.assert_array_equal(draw(tf1_glorot_uniform(seed=0), (3, 3, 4, 5)), first)


def test_tf2_draws_share_one_stream():
    tf2_set_seed(2)
    first, second = draw(tf2_glorot_uniform(seed=0), (2, 3)), draw(tf2_random_uniform(seed=0), (5,))
    stream, limit = UniformStream(2, 0), np.float32(np.sqrt(6 / 5))
    np.testing.assert_array_equal(first.ravel(), stream.draw(6) * (2 * limit) - limit)
    np.testing.assert_array_equal(second, stream.draw(5) * np.float32(0.1) - np.float32(0.05))


def test_tf2_set_seed_restarts_every_stream():
    tf2_set_seed(2)
    first = [draw(tf2_glorot_uniform(seed=seed), (2, 3)) for seed in (0, 1, 0, 1)]
    tf2_set_seed(2)
    again = [draw(tf2_glorot_uniform(seed=seed), (2, 3)) for seed in (0, 1, 0, 1)]
    np.testing.assert_array_equal(again, first)
    assert len({values.tobytes() for values in first}) == 4


def test_tf2_without_a_global_seed_begins_like_tf1():
    np.testing.assert_array_equal(
        draw(tf2_glorot_uniform(seed=3), (2, 3)), draw(tf1_glorot_uniform(seed=3), (2, 3))
    )


def test_tf2_object_called_again_moves_to_the_next_op_seed():
    tf2_set_seed(2)
    initializer = tf2_random_uniform(seed=0)
    first, second = draw(initializer, (8,)), draw(initializer, (8,))
    tf2_set_seed(2)
    np.testing.assert_array_equal(draw(tf2_random_uniform(seed=1), (8,)), second)
    np.testing.assert_array_equal(draw(tf2_random_uniform(seed=0), (8,)), first)


def test_a_layer_draws_its_kernel_once():
    """A second draw behind the scenes would shift every later layer of a TensorFlow 2 notebook."""
    for functional in (False, True):
        tf2_set_seed(2)
        x = keras.Input((8, 8, 3)) if functional else np.ones((1, 8, 8, 3), "float32")
        layer = keras.layers.Conv2D(4, 3, kernel_initializer=tf2_glorot_uniform(seed=0))
        layer(x)
        assert initializers._shared.stream(0).counter == 256 * 3 * 3 * 3 * 4


GLOBAL_SEEDS = [None, 0, 2, 2**31 - 1, 2**31, 2**40 + 5]
OP_SEEDS = [0, 1, 7, 2**31 - 1, 2**31, 2**40 + 9, -3]


@pytest.fixture(scope="module")
def tf():
    return pytest.importorskip("tensorflow", reason="compares with TensorFlow's own generator")


@pytest.mark.parametrize("global_seed", GLOBAL_SEEDS)
def test_tf2_streams_are_those_of_tensorflow(tf, global_seed):
    tf.random.set_seed(global_seed)
    tf2_set_seed(global_seed)
    for op_seed in OP_SEEDS + OP_SEEDS:
        with tf.device("CPU"):
            expected = tf.random.uniform((3, 7), -0.3, 0.7, seed=op_seed).numpy()
        got = draw(tf2_random_uniform(-0.3, 0.7, seed=op_seed), (3, 7))
        np.testing.assert_array_equal(got, expected, err_msg=f"op seed {op_seed}")


@pytest.mark.parametrize("op_seed", OP_SEEDS)
def test_tf1_stream_is_that_of_a_tensorflow_graph(tf, op_seed):
    with tf.Graph().as_default(), tf.device("CPU"), tf.compat.v1.Session() as session:
        expected = session.run(tf.random.uniform((3, 7), -0.05, 0.05, seed=op_seed))
    np.testing.assert_array_equal(draw(tf1_random_uniform(seed=op_seed), (3, 7)), expected)


# The initializers


@pytest.mark.parametrize(
    ("shape", "fans"),
    [
        ((), (1, 1)),
        ((5,), (5, 5)),
        ((4, 6), (4, 6)),
        ((3, 4, 6), (12, 18)),
        ((7, 7, 3, 64), (147, 3136)),
        ((2, 3, 4, 5, 6), (120, 144)),
    ],
)
def test_glorot_fans(shape, fans):
    assert glorot_fans(shape) == fans


def test_glorot_limit():
    values = draw(tf1_glorot_uniform(seed=0), (7, 7, 3, 64))
    limit = np.sqrt(6 / (147 + 3136))
    assert -limit <= values.min() < -0.999 * limit
    assert 0.999 * limit < values.max() < limit


def test_random_uniform_bounds():
    assert tf1_random_uniform(seed=0).get_config() == {"minval": -0.05, "maxval": 0.05, "seed": 0}
    values = draw(tf1_random_uniform(minval=2, maxval=3, seed=1), (1000,))
    assert 2 <= values.min() < 2.01
    assert 2.99 < values.max() < 3


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("dtype", [None, "float32", "float16", "bfloat16"])
def test_values_are_float32_draws_cast_to_dtype(make, dtype):
    got = make(seed=0)((3, 5), dtype=dtype)
    tf2_set_seed(None)
    exact = draw(make(seed=0), (3, 5))
    assert keras.backend.standardize_dtype(got.dtype) == (dtype or "float32")
    values = keras.ops.convert_to_numpy(keras.ops.cast(got, "float32"))
    np.testing.assert_allclose(values, exact, rtol=0 if dtype in (None, "float32") else 2**-8)


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("seed", [None, 0.5, "0"])
def test_seed_must_be_an_integer(make, seed):
    with pytest.raises(ResidualError, match=r"^seed must be an integer; received .*keras\.initializers"):
        make(seed=seed)


def test_global_seed_must_be_an_integer():
    with pytest.raises(ResidualError, match="seed must be an integer; received 'two'"):
        tf2_set_seed("two")


def test_dtype_must_be_floating():
    with pytest.raises(ResidualError, match=r"floating type such as 'float32'; received 'int32'"):
        tf1_glorot_uniform(seed=0)((2, 2), dtype="int32")


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize(
    "remake",
    [
        lambda x: x.clone(),
        lambda x: type(x).from_config(json.loads(json.dumps(x.get_config()))),
        copy.deepcopy,
        lambda x: pickle.loads(pickle.dumps(x)),
    ],
    ids=["clone", "config", "deepcopy", "pickle"],
)
def test_copies_draw_the_same(make, remake):
    original = make(seed=5)
    twin = remake(original)
    assert type(twin) is type(original)
    assert repr(twin) == repr(original)
    first = draw(original, (4, 4))
    tf2_set_seed(None)
    np.testing.assert_array_equal(draw(twin, (4, 4)), first)


@pytest.mark.parametrize("make", ALL)
def test_saved_model_names_only_stock_keras(make, tmp_path):
    """The file must open where this package is absent."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, kernel_initializer=make(seed=5))])
    assert "residual" not in model.to_json()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    stock = loaded.layers[0].kernel_initializer
    assert type(stock) in (keras.initializers.GlorotUniform, keras.initializers.RandomUniform)
    assert stock.get_config()["seed"] == 5
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])


def test_a_stem_kernel_is_drawn_in_milliseconds():
    """A 7x7x3x64 kernel: the best of ten, so that a busy machine does not matter."""
    initializer, times = tf1_glorot_uniform(seed=0), []
    for _ in range(10):
        start = time.perf_counter()
        initializer((7, 7, 3, 64))
        times.append(time.perf_counter() - start)
    assert min(times) < 0.010


# What the notebooks print


def test_notebook_d_blocks():
    for name, got in seeded_blocks.tf1_blocks().items():
        assert_printed(name, got)


def test_notebook_b_block():
    for name, got in seeded_blocks.tf2_block().items():
        assert_printed(name, got)


@pytest.mark.parametrize("backend", OTHERS)
def test_notebook_blocks_on_the_other_backends(backend):
    got = run_on(backend, seeded_blocks.__file__)
    assert got.keys() == PRINTED.keys()
    for name, values in got.items():
        assert_printed(name, values)
