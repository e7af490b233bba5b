"""The hot path: the same mathematics as Keras's own layers and optimizers, and gone afterwards."""

import zipfile

import keras
import msgspec
import numpy as np
import pytest

from residual import backend
from residual.backend import accelerate
from residual.backend.choice import Choice
from residual.backend.precision import check_precision, faster_precision
from residual.backend.tensorflow_cpu import operations
from residual.errors import RecipeError
from residual.models import zoo
from residual.models.build import build_network
from residual.models.keras_file import save_model

pytestmark = pytest.mark.skipif(
    not backend.on_tensorflow_cpu(), reason="fused kernels are for TensorFlow on a CPU"
)


def gradients(model, x, dy):
    """(output, gradient of x, gradients of the weights) of one training pass, float32 arrays."""
    import tensorflow as tf

    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = model(x, training=True)
        loss = tf.reduce_sum(tf.cast(y, "float32") * dy)
    found = tape.gradient(loss, [x, *(v.value for v in model.trainable_variables)])
    return [np.asarray(tf.cast(value, "float32")) for value in (y, *found)]


def both(layers, shape, kind="float32", seed=0, ways=None):
    """What the stock layers and the accelerated ones give: two lists of arrays, moving statistics at the end.

    Args:
        ways: of the convolutions' forward pass and gradients; None takes the usual ones.
    """
    rng = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input(shape[1:]), *layers])
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(rng.uniform(0.5, 2, layer.gamma.shape))
            layer.beta.assign(rng.normal(size=layer.beta.shape))
    x = rng.normal(1, 2, shape).astype("float32")
    dy = rng.normal(size=(shape[0], *model.output_shape[1:])).astype("float32")
    weights = model.get_weights()
    stock = gradients(model, x, dy) + [v.numpy() for v in model.non_trainable_variables]
    model.set_weights(weights)
    with accelerate.accelerated(model, Choice(kind)):
        for layer in model.layers:
            if ways is not None and isinstance(layer, keras.layers.Conv2D):
                layer.ways = ways
        fast = gradients(model, x, dy) + [v.numpy() for v in model.non_trainable_variables]
        assert any(
            type(layer).__module__ == "residual.backend.tensorflow_cpu.convolution" for layer in model.layers
        )
    return stock, fast


def close(stock, fast, tolerance):
    for one, other in zip(stock, fast, strict=True):
        scale = max(1.0, float(np.abs(one).max()))
        np.testing.assert_allclose(other / scale, one / scale, atol=tolerance)


CONVOLUTIONS = {
    "1x1": (keras.layers.Conv2D, {"filters": 24, "kernel_size": 1}, (3, 5, 7, 16)),
    "1x1 stride 2, odd": (
        keras.layers.Conv2D,
        {"filters": 24, "kernel_size": 1, "strides": 2},
        (3, 5, 7, 16),
    ),
    "1x1 stride 2, even": (
        keras.layers.Conv2D,
        {"filters": 24, "kernel_size": 1, "strides": 2},
        (3, 6, 8, 16),
    ),
    "1x1 stride 3": (
        keras.layers.Conv2D,
        {"filters": 8, "kernel_size": 1, "strides": 3, "padding": "same"},
        (2, 7, 8, 4),
    ),
    "1x1 no bias": (keras.layers.Conv2D, {"filters": 8, "kernel_size": 1, "use_bias": False}, (1, 1, 1, 16)),
    "3x3 small and wide": (
        keras.layers.Conv2D,
        {"filters": 32, "kernel_size": 3, "padding": "same"},
        (3, 4, 6, 64),
    ),
    "3x3 tiny and wide": (
        keras.layers.Conv2D,
        {"filters": 32, "kernel_size": 3, "padding": "same"},
        (3, 1, 3, 64),
    ),
    "3x3 two by two": (
        keras.layers.Conv2D,
        {"filters": 32, "kernel_size": 3, "padding": "same"},
        (3, 2, 2, 64),
    ),
    "3x3 one pixel": (
        keras.layers.Conv2D,
        {"filters": 32, "kernel_size": 3, "padding": "same"},
        (3, 1, 1, 64),
    ),
    "3x3 narrow": (keras.layers.Conv2D, {"filters": 32, "kernel_size": 3, "padding": "same"}, (3, 9, 9, 8)),
    "3x3 stride 2, valid, odd": (
        keras.layers.Conv2D,
        {"filters": 8, "kernel_size": 3, "strides": 2},
        (2, 7, 9, 32),
    ),
    "3x3 stride 2, valid, even": (
        keras.layers.Conv2D,
        {"filters": 8, "kernel_size": 3, "strides": 2},
        (2, 8, 6, 32),
    ),
    "3x3 stride 2, same, even": (
        keras.layers.Conv2D,
        {"filters": 8, "kernel_size": 3, "strides": 2, "padding": "same"},
        (2, 8, 6, 32),
    ),
    "7x7 stride 2": (
        keras.layers.Conv2D,
        {"filters": 8, "kernel_size": 7, "strides": 2, "padding": "same"},
        (2, 17, 16, 3),
    ),
    "3x3 stride 2": (
        keras.layers.Conv2D,
        {"filters": 32, "kernel_size": 3, "strides": 2, "padding": "same"},
        (3, 9, 9, 8),
    ),
    "5x3 left to Keras": (
        keras.layers.Conv2D,
        {"filters": 4, "kernel_size": (5, 3), "padding": "same"},
        (2, 9, 9, 8),
    ),
    "relu inside": (
        keras.layers.Conv2D,
        {"filters": 4, "kernel_size": 1, "activation": "relu"},
        (2, 9, 9, 8),
    ),
}


LIBRARY, PRODUCT, SWAPPED = operations.LIBRARY, operations.PRODUCT, operations.SWAPPED
WAYS = [
    None,
    (LIBRARY, LIBRARY, LIBRARY),
    (PRODUCT, PRODUCT, PRODUCT),
    (LIBRARY, PRODUCT, LIBRARY),
    (PRODUCT, LIBRARY, LIBRARY),
    (LIBRARY, LIBRARY, PRODUCT),
]


@pytest.mark.parametrize("ways", WAYS, ids=lambda ways: " ".join(ways) if ways else "usual")
@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_convolution_and_its_gradients_are_those_of_keras_whichever_way_they_go(case, ways):
    layer, arguments, shape = CONVOLUTIONS[case]
    bias = {} if "no bias" in case else {"bias_initializer": "normal"}
    close(*both([layer(**arguments, **bias)], shape, ways=ways), 1e-5)


@pytest.mark.parametrize(("height", "width", "channels"), [(8, 8, 32), (5, 7, 16), (1, 1, 64), (4, 2, 3)])
def test_the_gradient_of_a_kernel_with_channels_and_images_swapped(height, width, channels):
    layer = keras.layers.Conv2D(8, 3, padding="same", bias_initializer="normal")
    close(*both([layer], (5, height, width, channels), ways=(LIBRARY, LIBRARY, SWAPPED)), 1e-5)


@pytest.mark.parametrize("shape", [(4, 6, 5, 8), (2, 1, 1, 3), (32, 8, 8, 64)])
def test_norm_its_gradients_and_moving_statistics_are_those_of_keras(shape):
    close(*both([keras.layers.BatchNormalization(momentum=0.7, epsilon=1e-3)], shape), 1e-5)


def test_norm_of_a_single_value_moves_towards_variance_zero():
    stock, fast = both([keras.layers.BatchNormalization(momentum=0.5)], (1, 1, 1, 4))
    close(stock[-2:], fast[-2:], 1e-5)


def test_norm_in_inference_uses_the_moving_statistics():
    model = keras.Sequential([keras.Input((4, 4, 8)), keras.layers.BatchNormalization()])
    model.layers[0].moving_mean.assign(np.linspace(-1, 1, 8))
    model.layers[0].moving_variance.assign(np.linspace(0.5, 3, 8))
    x = np.random.default_rng(0).normal(size=(3, 4, 4, 8)).astype("float32")
    stock = model(x, training=False).numpy()
    with accelerate.accelerated(model):
        np.testing.assert_allclose(model(x, training=False).numpy(), stock, atol=1e-5)


def test_frozen_norm_keeps_its_statistics():
    model = keras.Sequential([keras.Input((4, 4, 8)), keras.layers.BatchNormalization(trainable=False)])
    x = np.random.default_rng(0).normal(2, 3, size=(3, 4, 4, 8)).astype("float32")
    stock = model(x, training=True).numpy()
    with accelerate.accelerated(model):
        np.testing.assert_allclose(model(x, training=True).numpy(), stock, atol=1e-5)
    assert not model.layers[0].moving_mean.numpy().any()


def test_bfloat16_is_within_its_rounding():
    layers = [keras.layers.Conv2D(32, 1, use_bias=False), keras.layers.BatchNormalization()]
    stock, fast = both(layers, (8, 6, 6, 64), "bfloat16")
    close(stock, fast, 3 * 2**-8)  # 8 bits of mantissa, a few roundings


def test_the_gradient_of_a_bias_is_summed_in_float32():
    """TensorFlow sums it in bfloat16 on a CPU, in which 256 + 1 is 256."""
    model = keras.Sequential([keras.Input((16, 16, 8)), keras.layers.Conv2D(8, 1, bias_initializer="normal")])
    x = np.random.default_rng(0).normal(size=(64, 16, 16, 8)).astype("float32")
    with accelerate.accelerated(model, Choice("bfloat16")):
        *_, bias = gradients(model, x, np.ones((64, 16, 16, 8), "float32"))
    np.testing.assert_array_equal(bias, np.full(8, 64 * 16 * 16))


def test_bias_before_a_norm_has_gradient_zero_and_elsewhere_its_own():
    bias = {"bias_initializer": "normal"}
    stock, fast = both([keras.layers.Conv2D(8, 1, **bias), keras.layers.BatchNormalization()], (4, 5, 5, 6))
    assert not fast[3].any()  # output, image, kernel, bias
    np.testing.assert_allclose(stock[3], 0, atol=1e-4)
    frozen = [keras.layers.Conv2D(8, 1, **bias), keras.layers.BatchNormalization(trainable=False)]
    close(*both(frozen, (4, 5, 5, 6)), 1e-5)


@pytest.mark.parametrize("name", ["cifar-resnet8", "cifar-resnet11v2", "resnet18-projection-all"])
def test_whole_networks_train_as_stock_ones(name):
    """Output, statistics and every gradient of a network in one training pass."""
    keras.utils.set_random_seed(1)
    model = build_network(zoo.find_spec(name), (32, 32, 3), 5)
    x = np.random.default_rng(0).normal(size=(6, 32, 32, 3)).astype("float32")
    dy = np.eye(5, dtype="float32")[[0, 1, 2, 3, 4, 0]]
    weights = model.get_weights()
    stock = gradients(model, x, dy)
    model.set_weights(weights)
    with accelerate.accelerated(model):
        fast = gradients(model, x, dy)
    np.testing.assert_allclose(fast[0], stock[0], atol=1e-5)
    for one, other in zip(stock[1:], fast[1:], strict=True):
        # As a whole: a value that rounding moves across a relu's zero changes single gradients.
        assert np.linalg.norm(other - one) <= 1e-2 * np.linalg.norm(one) + 1e-4


OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(0.01),
    "adam with decay": lambda: keras.optimizers.Adam(0.01, weight_decay=0.1),
    "adamw": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1),
    "sgd nesterov": lambda: keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "sgd momentum": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
    "sgd alone": lambda: keras.optimizers.SGD(0.1),
    "amsgrad": lambda: keras.optimizers.Adam(0.01, amsgrad=True),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fused_updates_are_those_of_keras(name):
    rng = np.random.default_rng(0)
    start, steps = rng.normal(size=(5, 3)), rng.normal(size=(6, 2, 5, 3)).astype("float32")
    ends = []
    for prepare in (lambda optimizer: optimizer, accelerate.fused):
        optimizer = prepare(OPTIMIZERS[name]())
        if optimizer.weight_decay:
            optimizer.exclude_from_weight_decay(var_names=["bias"])
        variables = [keras.Variable(start, name="kernel"), keras.Variable(start, name="bias")]
        for pair in steps:
            optimizer.apply([keras.ops.convert_to_tensor(g) for g in pair], variables)
        ends.append([v.numpy() for v in [*variables, *optimizer.variables]])
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-6)
    own = (
        type(accelerate.fused(OPTIMIZERS[name]())).__module__ == "residual.backend.tensorflow_cpu.optimizers"
    )
    assert own == (name not in ("sgd alone", "amsgrad"))


def float32_layers(model) -> set[str]:
    """The names of the layers that keep float32 in bfloat16."""
    with accelerate.accelerated(model, Choice("bfloat16")):
        return {layer.name for layer in model.layers if layer.dtype_policy.name == "float32"}


@pytest.mark.parametrize("family", zoo.FAMILIES, ids=lambda family: family.pattern)
def test_the_pixels_and_the_head_of_every_family_keep_float32(family):
    spec = zoo.find_spec(family.examples[0])
    spec = msgspec.structs.replace(spec, blocks=(1,) * len(spec.blocks))
    pixels = keras.layers.Rescaling(1 / 255, name="pixels")
    model = build_network(spec, (32, 32, 3), 5, pixels)
    head = {"avg_pool", "fc5"} if spec.names == "course" else {"head_pool", "head_dense"}
    head |= {"head_scale"} if spec.feature_scale != 1 else set()
    assert float32_layers(model) == {"image", "pixels"} | head


def squeeze_and_excitation_network() -> keras.Model:
    """A block that scales its channels by two dense layers, and a head with dropout."""
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Normalization(mean=0.5, variance=4.0, name="pixels")(image)
    x = keras.layers.Conv2D(8, 3, padding="same", name="stem")(x)
    y = keras.layers.BatchNormalization(name="norm")(
        keras.layers.Conv2D(8, 3, padding="same", name="conv")(x)
    )
    squeezed = keras.layers.GlobalAveragePooling2D(name="squeeze")(y)
    scale = keras.layers.Dense(2, activation="relu", name="reduce")(squeezed)
    scale = keras.layers.Dense(8, activation="sigmoid", name="excite")(scale)
    y = keras.layers.Multiply(name="scale")([y, keras.layers.Reshape((1, 1, 8), name="sides")(scale)])
    x = keras.layers.GlobalAveragePooling2D(name="pool")(keras.layers.Add(name="add")([x, y]))
    return keras.Model(image, keras.layers.Dense(4, name="dense")(keras.layers.Dropout(0.0, name="drop")(x)))


def test_dense_layers_of_a_block_are_no_head():
    model = squeeze_and_excitation_network()
    assert float32_layers(model) == {"image", "pixels", "pool", "drop", "dense"}


def test_a_squeeze_and_excitation_network_trains_in_bfloat16():
    keras.utils.set_random_seed(0)
    model = squeeze_and_excitation_network()
    x = np.random.default_rng(0).normal(size=(16, 8, 8, 3)).astype("float32")
    weights = model.get_weights()
    stock = gradients(model, x, np.ones((16, 4), "float32"))
    model.set_weights(weights)
    with accelerate.accelerated(model, Choice("bfloat16")):
        fast = gradients(model, x, np.ones((16, 4), "float32"))
    np.testing.assert_allclose(fast[0], stock[0], atol=0.05)
    for one, other in zip(stock[1:], fast[1:], strict=True):
        assert np.linalg.norm(other - one) <= 0.1 * np.linalg.norm(one) + 0.05


def test_a_layer_that_body_and_head_share_belongs_to_the_body():
    relu = keras.layers.Activation("relu", name="shared")
    image = keras.Input((4, 4, 3), name="image")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(relu(keras.layers.Conv2D(4, 1, name="conv")(image)))
    assert float32_layers(keras.Model(image, relu(x))) == {"image", "pool"}


def test_a_model_is_stock_again_afterwards_even_after_an_error():
    model = build_network(zoo.find_spec("cifar-resnet8"), (16, 16, 3), 3)
    kinds = [(type(layer), layer.dtype_policy.name) for layer in model.layers]
    seen = set()

    def fail():
        with accelerate.accelerated(model, Choice("bfloat16")):
            seen.update(layer.dtype_policy.name for layer in model.layers)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert seen == {"float32", "mixed_bfloat16"}
    assert [(type(layer), layer.dtype_policy.name) for layer in model.layers] == kinds


def test_a_file_saved_within_shows_stock_layers(tmp_path):
    model = build_network(zoo.find_spec("cifar-resnet8"), (16, 16, 3), 3)
    with accelerate.accelerated(model, Choice("bfloat16")):
        inside = [type(layer) for layer in model.layers]
        save_model(model, tmp_path / "a.keras", {})
        assert [type(layer) for layer in model.layers] == inside
    with zipfile.ZipFile(tmp_path / "a.keras") as archive:
        config = archive.read("config.json").decode()
    assert "residual.backend" not in config
    assert "bfloat16" not in config
    x = np.random.default_rng(0).uniform(0, 255, (2, 16, 16, 3)).astype("float32")
    loaded = keras.saving.load_model(tmp_path / "a.keras")
    np.testing.assert_allclose(loaded(x).numpy(), model(x).numpy(), atol=1e-6)


def test_the_probe_names_a_precision_and_its_gain():
    chosen, gain = faster_precision(repeats=2)
    assert chosen == ("bfloat16" if gain >= 1.2 else "float32")


def test_an_unknown_precision_is_refused():
    check_precision("auto")
    with pytest.raises(RecipeError, match="precision must be auto, float32 or bfloat16; got 'half'"):
        check_precision("half")


@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
def test_in_a_graph_onednn_joins_a_norm_with_the_relu_behind_it(kind):
    """And the joined kernel gives Keras's numbers. Tests above run operation by operation, where nothing is joined."""
    import tensorflow as tf
    from tensorflow.python.eager import context

    from residual.backend.tensorflow_cpu.runtime_flags import onednn_is_on

    if not onednn_is_on():
        pytest.skip("TensorFlow runs without oneDNN here")
    layers = [keras.layers.BatchNormalization(epsilon=1e-3), keras.layers.Activation("relu")]
    model = keras.Sequential([keras.Input((8, 8, 16)), *layers])
    x = np.random.default_rng(0).normal(1, 2, (4, 8, 8, 16)).astype("float32")
    expected = model(x, training=True).numpy()
    with accelerate.accelerated(model, Choice(kind)):
        run = tf.function(lambda x: model(x, training=True), autograph=False, jit_compile=False)
        context.context().enable_run_metadata()
        try:
            found = np.asarray(tf.cast(run(tf.constant(x)), "float32"))
            graphs = context.context().export_run_metadata().partition_graphs
        finally:
            context.context().disable_run_metadata()
    names = {node.op for graph in graphs for node in graph.node}
    names |= {
        node.op for graph in graphs for function in graph.library.function for node in function.node_def
    }
    assert [name for name in names if name.endswith("FusedBatchNormEx")]
    np.testing.assert_allclose(found, expected, atol=1e-4 if kind == "float32" else 0.1)
