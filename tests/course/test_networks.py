"""The networks of the notebooks: counts, names, shapes, and the same networks out of the notebooks' calls."""

import keras
import numpy as np
import pytest

from residual.course import (
    Activation,
    Add,
    AveragePooling2D,
    Conv2D,
    Dense,
    Flatten,
    Input,
    MaxPooling2D,
    Model,
    ResNet50,
    ZeroPadding2D,
    comparator,
    convolutional_block,
    glorot_uniform,
    identity_block,
    lr_schedule,
    resnet_layer,
    resnet_v1,
    resnet_v2,
    summary,
)
from residual.errors import NetworkError

# ResNet-50


@pytest.fixture(scope="module")
def resnet50():
    return ResNet50(input_shape=(64, 64, 3), classes=6)


def resnet50_by_cells():
    """Notebook C's network out of its own calls."""
    X_input = Input((64, 64, 3))
    X = Conv2D(64, (7, 7), strides=(2, 2), kernel_initializer=glorot_uniform(seed=0))(
        ZeroPadding2D((3, 3))(X_input)
    )
    X = MaxPooling2D((3, 3), strides=(2, 2))(Activation("relu")(keras.layers.BatchNormalization(axis=3)(X)))
    for blocks, width, s in ((3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2)):
        X = convolutional_block(X, f=3, filters=[width, width, 4 * width], s=s)
        for _ in range(blocks - 1):
            X = identity_block(X, 3, [width, width, 4 * width])
    X = Flatten()(AveragePooling2D(pool_size=(2, 2))(X))
    X = Dense(6, activation="softmax", kernel_initializer=glorot_uniform(seed=0))(X)
    return Model(inputs=X_input, outputs=X)


def sizes(model):
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    return model.count_params(), trainable, model.count_params() - trainable


def test_resnet50_has_the_notebooks_counts(resnet50):
    assert sizes(resnet50) == (23_600_006, 23_546_886, 53_120)
    kinds = [row[0] for row in summary(resnet50)]
    assert [kinds.count(kind) for kind in ("Conv2D", "BatchNormalization", "Add")] == [53, 53, 16]
    assert resnet50.output_shape == (None, 6)


def test_resnet50_is_the_network_of_notebook_c(resnet50):
    by_cells = resnet50_by_cells()
    assert sizes(by_cells) == sizes(resnet50)
    by_cells.set_weights(
        [np.random.default_rng(i).normal(0, 0.02, w.shape) for i, w in enumerate(by_cells.weights)]
    )
    assert [w.shape for w in by_cells.weights] == [w.shape for w in resnet50.weights]
    before = resnet50.get_weights()
    resnet50.set_weights(by_cells.get_weights())
    x = np.random.default_rng(0).random((2, 64, 64, 3), np.float32)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(resnet50(x)), keras.ops.convert_to_numpy(by_cells(x)), rtol=1e-5, atol=1e-6
    )
    resnet50.set_weights(before)


def test_resnet50_takes_n_classes_and_defaults():
    model = ResNet50(input_shape=(32, 32, 3), n_classes=4)
    assert model.layers[-1].name == "fc4"
    with pytest.raises(NetworkError, match="too small"):
        ResNet50((16, 16, 3), 6)


def test_resnet50_has_the_layer_names_of_notebook_d(resnet50):
    names = [layer.name for layer in resnet50.layers]
    for stage, letters in ((2, "abc"), (3, "abcd"), (4, "abcdef"), (5, "abc")):
        for block in letters:
            for branch in ("2a", "2b", "2c", *(["1"] if block == "a" else [])):
                assert {f"res{stage}{block}_branch{branch}", f"bn{stage}{block}_branch{branch}"} <= set(names)
    assert {"conv1", "bn_conv1"} <= set(names)
    assert names[-2:] == ["avg_pool", "fc6"]


def test_resnet50_passes_through_the_notebooks_shapes(resnet50):
    shapes = [row[1][1:] for row in summary(resnet50)]
    wanted = [(70, 70, 3), (32, 32, 64), (15, 15, 64), (15, 15, 256), (8, 8, 512), (4, 4, 1024), (2, 2, 2048)]
    assert [shapes.index(shape) for shape in wanted] == sorted(shapes.index(shape) for shape in wanted)
    assert shapes[-2:] == [(2048,), (6,)]


def test_summary_and_comparator(resnet50, capsys):
    rows = summary(resnet50)
    assert rows[:4] == [
        ["InputLayer", (None, 64, 64, 3), 0],
        ["ZeroPadding2D", (None, 70, 70, 3), 0, ((3, 3), (3, 3))],
        ["Conv2D", (None, 32, 32, 64), 9472, "valid", "linear", "GlorotUniform"],
        ["BatchNormalization", (None, 32, 32, 64), 256],
    ]
    assert rows[5] == ["MaxPooling2D", (None, 15, 15, 64), 0, (3, 3), (2, 2), "valid"]
    assert rows[-1] == ["Dense", (None, 6), 12294, "softmax"]
    of_keras_2 = [["InputLayer", [(None, 64, 64, 3)], 0], *rows[1:]]
    comparator(rows, of_keras_2)
    assert capsys.readouterr().out == f"All {len(rows)} layers agree.\n"
    changed = [list(row) for row in rows]
    changed[2][3] = "same"
    with pytest.raises(AssertionError, match=r"Layer 3 differs: expected .*'same'.*, got .*'valid'"):
        comparator(rows, changed)
    with pytest.raises(AssertionError, match=f"Expected {len(rows)} layers, got {len(rows) - 1}"):
        comparator(rows[:-1], rows)


# The CIFAR networks


@pytest.mark.parametrize(
    ("build", "depth", "count"),
    [
        (resnet_v1, 8, 78_666),
        (resnet_v1, 20, 274_442),
        (resnet_v1, 32, 470_218),
        (resnet_v1, 56, 861_770),
        (resnet_v2, 11, 299_178),
        (resnet_v2, 20, 574_090),
        (resnet_v2, 29, 849_002),
        (resnet_v2, 56, 1_673_738),
    ],
)
def test_cifar_networks_have_the_notebooks_counts(build, depth, count):
    model = build(input_shape=(32, 32, 3), depth=depth, num_classes=10)
    assert model.count_params() == count
    assert model.output_shape == (None, 10)


@pytest.mark.parametrize(("build", "depth", "rule"), [(resnet_v1, 21, "6n"), (resnet_v2, 21, "9n")])
def test_cifar_depths_follow_the_rule(build, depth, rule):
    with pytest.raises(ValueError, match=f"depth must be {rule}\\+2, got {depth}"):
        build((32, 32, 3), depth)


def test_resnet_layer_builds_the_v1_of_the_notebook():
    inputs = Input(shape=(32, 32, 3))
    x = resnet_layer(inputs=inputs)
    for width, strides in ((16, 1), (32, 2), (64, 2)):
        y = resnet_layer(x, num_filters=width, strides=strides)
        y = resnet_layer(y, num_filters=width, activation=None)
        if strides > 1:
            x = resnet_layer(x, width, 1, strides, activation=None, batch_normalization=False)
        x = Activation("relu")(Add()([x, y]))
    outputs = Dense(10, activation="softmax")(Flatten()(AveragePooling2D(pool_size=8)(x)))
    assert Model(inputs, outputs).count_params() == 78_666


def test_resnet_layer_orders_its_parts():
    def kinds(**arguments):
        inputs = Input((8, 8, 3))
        return [type(layer).__name__ for layer in Model(inputs, resnet_layer(inputs, **arguments)).layers[1:]]

    assert kinds() == ["Conv2D", "BatchNormalization", "Activation"]
    assert kinds(conv_first=False) == ["BatchNormalization", "Activation", "Conv2D"]
    assert kinds(activation=None, batch_normalization=False, conv_first=False) == ["Conv2D"]


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [
        (0, 1e-3),
        (80, 1e-3),
        (81, 1e-4),
        (120, 1e-4),
        (121, 1e-5),
        (160, 1e-5),
        (161, 1e-6),
        (181, 5e-7),
        (999, 5e-7),
    ],
)
def test_lr_schedule(epoch, rate, capsys):
    assert lr_schedule(epoch) == rate
    assert capsys.readouterr().out == ""
