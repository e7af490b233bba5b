"""The ONNX writer: each layer computes what Keras computes."""

import keras
import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

import onnxruntime

import residual
from residual.errors import RunError
from residual.exporters.onnx_graph import write_graph
from residual.exporters.onnx_graph.activations import ACTIVATIONS
from residual.models import zoo
from tests.exporters.networks import SIDE, answer, build_small, draw_photos

layers = keras.layers


def run_graph(model: keras.Model, images: np.ndarray) -> np.ndarray:
    graph = write_graph(model, images.shape[1:3], "test")
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"image": images})[0]


def count_nodes(model: keras.Model) -> dict[str, int]:
    ops = [node.op_type for node in write_graph(model, (SIDE, SIDE), "test").graph.node]
    return {op: ops.count(op) for op in ops}


def nest(x):
    """A model inside the model, called twice and with an argument, and a Sequential."""
    pixels = keras.Input((None, None, 3))
    inner = keras.Model(pixels, layers.Conv2D(3, 3, padding="same")(layers.BatchNormalization()(pixels)))
    rest = keras.Sequential(
        [keras.Input((SIDE, SIDE, 3)), layers.Conv2D(5, 1), layers.Dropout(0.5), layers.ReLU()]
    )
    return rest(inner(inner(x), training=False))


def squeeze_and_excite(x):
    x = layers.Conv2D(8, 3)(x)
    weights = layers.Dense(8, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    return layers.Multiply()([x, layers.Reshape((1, 1, 8))(weights)])


def merge(x):
    y = layers.Average()([x, layers.Maximum()([x, -x]), layers.Minimum()([x, x * 0.5 + 0.25])])
    return layers.Concatenate()(
        [y, layers.Multiply()([x, layers.Subtract()([x, y])]), x / np.float32([1, 2, 3])]
    )


BODIES = {
    "strides, same": lambda x: layers.Conv2D(8, 3, strides=2, padding="same")(
        layers.Conv2D(4, 2, padding="same")(x)
    ),
    "groups, dilation": lambda x: layers.Conv2D(12, 3, padding="same", dilation_rate=2, groups=3)(
        layers.Conv2D(6, 5, strides=3, padding="same", use_bias=False)(x)
    ),
    "depthwise, separable": lambda x: layers.SeparableConv2D(
        8, 3, strides=2, padding="same", depth_multiplier=2
    )(layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, activation="relu")(x)),
    "poolings": lambda x: layers.AveragePooling2D(3, 2, padding="same")(
        layers.MaxPooling2D(3, 2, padding="same")(x)
    ),
    "paddings": lambda x: layers.MaxPooling2D(3, 2)(
        layers.ZeroPadding2D(1)(layers.ReLU()(layers.Conv2D(4, 3)(layers.ZeroPadding2D(((1, 0), (2, 1)))(x))))
    ),
    "zeros win over negatives": lambda x: layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x)),
    "channels appended": lambda x: layers.ZeroPadding2D(((0, 0), (0, 5)), data_format="channels_first")(x),
    "crops": lambda x: layers.CenterCrop(8, 11)(layers.Cropping2D(((1, 2), (3, 0)))(x)),
    "sizes": lambda x: layers.UpSampling2D(2)(layers.Resizing(11, 25)(layers.Resizing(7, 9, "nearest")(x))),
    "flatten": lambda x: layers.Flatten()(layers.Conv2D(4, 3)(x)),
    "reshape, permute": lambda x: layers.Flatten()(
        layers.Permute((2, 1, 3))(layers.Reshape((SIDE // 2, -1, 3))(x))
    ),
    "batch norms": lambda x: layers.BatchNormalization()(
        layers.ReLU()(layers.BatchNormalization(scale=False)(layers.Conv2D(4, 3)(x)))
    ),
    "norm after dense": lambda x: layers.BatchNormalization()(
        layers.Dense(6)(layers.GlobalMaxPooling2D()(x))
    ),
    "norms of an image": lambda x: layers.LayerNormalization()(
        layers.GroupNormalization(2)(layers.Conv2D(4, 3)(x))
    ),
    "slopes": lambda x: layers.PReLU(shared_axes=[1, 2])(
        layers.PReLU()(layers.ReLU(0.9, negative_slope=0.1)(layers.LeakyReLU(0.3)(layers.ELU(0.7)(x))))
    ),
    "softmax of channels": lambda x: layers.Softmax()(layers.Activation("relu")(layers.Dense(5)(x))),
    "pixels": lambda x: layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[0.4, 0.5, 0.6])(
        layers.Rescaling([1.0, 2.0, 3.0], [0.1, 0.2, 0.3])(x)
    ),
    "merge": merge,
    "squeeze and excite": squeeze_and_excite,
    "nested": nest,
    "idle": lambda x: layers.Dropout(0.5)(layers.GaussianNoise(1.0)(layers.RandomFlip()(x))),
}


@pytest.mark.parametrize("name", BODIES)
def test_layers_compute_what_keras_computes(name):
    model, images = build_small(BODIES[name]), draw_photos()
    expected = answer(model, images)
    assert expected.std(0).max() > 1e-3  # the images are told apart
    np.testing.assert_allclose(run_graph(model, images), expected, atol=1e-5)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda function: function.__name__)
def test_activations_compute_what_keras_computes(activation):
    model, images = build_small(lambda x: layers.Conv2D(4, 3, activation=activation)(x)), draw_photos()
    np.testing.assert_allclose(run_graph(model, images), answer(model, images), atol=1e-5)


def test_statistics_of_an_adapted_normalization_are_stored():
    images = draw_photos()
    normalization = layers.Normalization()
    normalization.adapt(images.astype(np.float32))
    model = residual.build("cifar-resnet8", (SIDE, SIDE, 3), 4, normalization=normalization)
    for n in (1, 2, 3):
        np.testing.assert_allclose(run_graph(model, images[:n]), answer(model, images[:n]), atol=1e-5)
    graph = write_graph(model, (SIDE, SIDE), "test").graph
    assert [value.name for value in graph.input] == ["image"]
    assert [value.name for value in graph.output] == ["probabilities"]


def test_norms_and_paddings_are_folded_into_convolutions():
    model = residual.build("resnet18", (32, 32, 3), 4)
    ops = [node.op_type for node in write_graph(model, (32, 32), "test").graph.node]
    assert ops.count("Conv") == 20
    assert not {"BatchNormalization", "Mul", "Pad"} & set(ops)
    assert ops.count("Add") == 8  # of the shortcuts


def test_a_norm_that_several_read_from_is_not_folded():
    def fork(x):
        y = layers.Conv2D(4, 3, padding="same")(x)
        return layers.Concatenate()([y, layers.BatchNormalization()(y)])

    model, images = build_small(fork), draw_photos()
    np.testing.assert_allclose(run_graph(model, images), answer(model, images), atol=1e-5)


def test_a_network_of_images_of_any_size_is_exported_for_one():
    pixels = keras.Input((None, None, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same")(layers.Rescaling(1 / 255)(pixels))
    model = keras.Model(pixels, layers.Dense(4, activation="softmax")(layers.GlobalAveragePooling2D()(x)))
    for side in (18, 19):
        images = draw_photos(side=side)
        np.testing.assert_allclose(run_graph(model, images), answer(model, images), atol=1e-5)


@keras.saving.register_keras_serializable("tests")
class Standardized(layers.Conv2D):
    def call(self, inputs):
        return super().call(inputs) * 2


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            lambda x: layers.Conv2DTranspose(4, 3, name="grow")(x),
            "layer grow is of the class Conv2DTranspose, which",
        ),
        (
            lambda x: Standardized(4, 3, name="own")(x),
            "layer own is of the class Standardized, which .* Supported: .*Conv2D",
        ),
        (
            lambda x: layers.Conv2D(4, 3, name="odd", activation=lambda y: y)(x),
            "layer odd has the activation",
        ),
        (
            lambda x: layers.Resizing(9, 9, antialias=True, name="thin")(x),
            "layer thin can be exported without antialias",
        ),
        (lambda x: keras.ops.flip(x), "of the class Flip, which cannot be exported"),
        (lambda x: layers.BatchNormalization(axis=1, name="rows")(x), "layer rows normalizes axis 1"),
    ],
)
def test_what_cannot_be_exported_is_named(body, message):
    with pytest.raises(RunError, match=message):
        write_graph(build_small(body), (SIDE, SIDE), "test")


def test_models_with_several_inputs_are_refused():
    first, second = keras.Input((4,)), keras.Input((4,))
    with pytest.raises(RunError, match="one input and one output"):
        write_graph(keras.Model([first, second], layers.Add()([first, second])), (8, 8), "test")


ZOO = [name for family in zoo.FAMILIES for name in family.examples]


@pytest.mark.slow
@pytest.mark.parametrize("name", [*ZOO, "resnet10", "cifar-resnet20-plain", "resnet18-projection-all"])
def test_networks_of_the_zoo_compute_what_keras_computes(name):
    spec = zoo.resolve_spec(name)
    side = max(32, spec.total_stride)
    images = draw_photos(33, side)
    normalization = layers.Normalization(mean=[120.0, 110, 100], variance=[3600.0, 3500, 3400])
    model = residual.build(name, (side, side, 3), 6, normalization=normalization)
    fill_weights_gently(model)
    residual.recompute_batch_norm(model, images, 33)
    expected = model.predict(images, batch_size=33, verbose=0)
    assert expected.std(0).max() > 5e-4  # 50 times the tolerance
    for n in (1, 2, 33):
        np.testing.assert_allclose(run_graph(model, images[:n]), expected[:n], atol=1e-5)


def fill_weights_gently(model: keras.Model) -> None:
    """Random scales, shifts and biases; the kernels stay as they were drawn, that of the head shrinks.

    Otherwise rounding alone grows to 1e-4 in 50 untrained layers, in Keras as in ONNX Runtime.
    """
    random = np.random.default_rng(1)
    for weight in model.weights:
        if weight.name in ("gamma", "beta", "bias"):
            weight.assign(
                random.uniform(*((0.2, 0.5) if weight.name == "gamma" else (-0.3, 0.3)), weight.shape)
            )
    head = model.layers[-1].kernel
    head.assign(head * 0.1)
