"""Structure: shapes, names, shortcuts, sizes; and agreement with keras.applications."""

import keras
import numpy as np
import pytest
from msgspec.structs import replace

from residual.errors import NetworkError
from residual.importers.keras_h5.recognize import name_in_applications
from residual.models import zoo
from residual.models.build import build_network, stage_outputs
from residual.models.spec import NetworkSpec


def count(model, kind) -> int:
    return sum(isinstance(layer, kind) for layer in model.layers)


def shapes(model) -> dict:
    return {layer.name: tuple(layer.output.shape[1:]) for layer in model.layers}


def test_course_resnet50_layers_and_shapes():
    model = build_network(zoo.find_spec("course-resnet50"), (64, 64, 3), 6)
    assert count(model, keras.layers.Conv2D) == 53
    assert count(model, keras.layers.BatchNormalization) == 53
    assert count(model, keras.layers.Add) == 16
    found = shapes(model)
    expected = {
        "conv1_pad": (70, 70, 3),
        "conv1": (32, 32, 64),
        "pool1": (15, 15, 64),
        "res2c_relu": (15, 15, 256),
        "res3d_relu": (8, 8, 512),
        "res4f_relu": (4, 4, 1024),
        "res5c_relu": (2, 2, 2048),
        "avg_pool": (2048,),
        "fc6": (6,),
    }
    assert {name: found[name] for name in expected} == expected
    named = {"conv1", "bn_conv1", "res2a_branch2a", "bn2a_branch2a", "res2a_branch1", "bn2a_branch1", "fc6"}
    assert named <= set(found)


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        ("cifar-resnet20", 32, {"stem": (32, 32, 16), "stage1": (32, 32, 16), "stage3": (8, 8, 64)}),
        ("notebook-resnet20v2", 32, {"stage1": (32, 32, 64), "stage2": (16, 16, 128), "stage3": (8, 8, 256)}),
        ("resnet50d", 64, {"stem": (16, 16, 64), "stage1": (16, 16, 256), "stage4": (2, 2, 2048)}),
        ("course-resnet50", 64, {"stem": (15, 15, 64), "stage2": (15, 15, 256), "stage5": (2, 2, 2048)}),
        ("keras-resnet50v2", 64, {"stage1": (8, 8, 256), "stage4": (2, 2, 2048)}),
    ],
)
def test_stage_outputs(name, size, expected):
    outputs = stage_outputs(build_network(zoo.find_spec(name), (size, size, 3), 10))
    assert {stage: tuple(outputs[stage].shape[1:]) for stage in expected} == expected
    assert "head" not in outputs


def test_stage_outputs_make_a_model():
    model = build_network(zoo.find_spec("cifar-resnet8"), (32, 32, 3), 10)
    features = keras.Model(model.input, stage_outputs(model))
    values = features(np.zeros((2, 32, 32, 3), "float32"))
    assert sorted(values) == ["stage1", "stage2", "stage3", "stem"]
    assert values["stage3"].shape == (2, 8, 8, 64)


@pytest.mark.parametrize(
    ("shortcut", "projections", "additions"),
    [("projection", 2, 9), ("projection-all", 9, 9), ("zero-pad", 0, 9), ("none", 0, 0)],
)
def test_shortcut_kinds(shortcut, projections, additions):
    model = build_network(replace(zoo.find_spec("cifar-resnet20"), shortcut=shortcut), (32, 32, 3), 10)
    assert sum(layer.name.endswith("shortcut_conv") for layer in model.layers) == projections
    assert count(model, keras.layers.Add) == additions


def test_zero_pad_shortcut_carries_every_second_pixel_and_zeros():
    from residual.models.blocks import zero_pad_shortcut
    from residual.models.layer_names import Names

    x = np.arange(2 * 4 * 4 * 3, dtype="float32").reshape(2, 4, 4, 3)
    y = keras.ops.convert_to_numpy(zero_pad_shortcut(5, 2, Names())(x))
    assert y.shape == (2, 2, 2, 5)
    np.testing.assert_array_equal(y[..., :3], x[:, ::2, ::2])
    assert not y[..., 3:].any()
    with pytest.raises(NetworkError, match="cannot go from 3 down to 2 channels"):
        zero_pad_shortcut(2, 1, Names())(x)


@pytest.mark.parametrize(
    "name", ["resnet18", "course-resnet50", "cifar-resnet8", "wide-resnet10-1", "resnet50d"]
)
def test_smallest_size_works_and_one_less_is_named(name):
    spec = zoo.find_spec(name)
    smallest = spec.total_stride
    model = build_network(spec, (smallest, smallest, 3), 3)
    assert keras.ops.convert_to_numpy(model(np.zeros((1, smallest, smallest, 3)))).shape == (1, 3)
    with pytest.raises(NetworkError, match=f"the smallest is {smallest}x{smallest}"):
        build_network(spec, (smallest - 1, smallest, 3), 3)


def test_any_input_size():
    model = build_network(zoo.find_spec("cifar-resnet8"), (None, None, 3), 4)
    for height, width in ((32, 32), (17, 41)):
        y = keras.ops.convert_to_numpy(model(np.zeros((1, height, width, 3))))
        np.testing.assert_allclose(y.sum(), 1, rtol=1e-5)


def test_own_spec_of_any_depth():
    spec = NetworkSpec("mine", (1, 2), (8, 12), stem="cifar", stem_width=8)
    assert spec.depth == 8
    assert build_network(spec, (16, 16, 3), 2).output_shape == (None, 2)


def test_an_unknown_initializer_is_named():
    spec = NetworkSpec("mine", (1,), (8,), stem="cifar", initializer="he_nrmal")
    with pytest.raises(NetworkError, match="initializer must be the name of a Keras initializer.*'he_nrmal'"):
        build_network(spec, (8, 8, 3), 2)


def randomize(model, images, seed=0):
    """Random weights with statistics that fit them, so that outputs are far apart for different images."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        weights = layer.get_weights()
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
            layer.set_weights(
                [rng.uniform(0.7, 1.3, weights[0].shape), rng.normal(0, 0.2, weights[1].shape), *weights[2:]]
            )
        elif weights:
            spread = [10 / np.sqrt(np.prod(w.shape[:-1])) if w.ndim > 1 else 0.1 for w in weights]
            layer.set_weights([rng.normal(0, s, w.shape) for w, s in zip(weights, spread, strict=True)])
    model(images, training=True)


def weighted(model) -> list:
    """Layers with weights in the order of depth-first names: stem, blocks by number, head."""
    return [layer for layer in model.layers if layer.weights]


@pytest.mark.parametrize("depth", [50, *(pytest.param(n, marks=pytest.mark.slow) for n in (101, 152))])
@pytest.mark.parametrize("version", ["", "v2"])
def test_same_outputs_as_keras_applications(depth, version):
    theirs = getattr(keras.applications, f"ResNet{depth}{version.upper()}")(
        weights=None, input_shape=(64, 64, 3)
    )
    ours = build_network(zoo.find_spec(f"keras-resnet{depth}{version}"), (64, 64, 3), 1000)
    x = np.random.default_rng(1).normal(0, 1, (4, 64, 64, 3)).astype("float32")
    randomize(theirs, x)
    assert len(weighted(ours)) == len(weighted(theirs))
    for layer in weighted(ours):
        layer.set_weights(theirs.get_layer(name_in_applications(layer.name, bool(version))).get_weights())
    expected = keras.ops.convert_to_numpy(theirs(x, training=False))
    assert expected.std(0).max() > 1e-2, "the images must not look alike to the network"
    got = keras.ops.convert_to_numpy(ours(x, training=False))
    np.testing.assert_allclose(got, expected, atol=1e-5, rtol=1e-5)
