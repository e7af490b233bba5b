"""Structure: shapes, names, shortcuts, sizes; and agreement with keras.applications."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from residual import zoo
from residual.errors import NetworkError
from residual.interop.known import application_name
from residual.networks import group_of, network, stage_outputs
from residual.spec import NetworkSpec


def count(model, kind) -> int:
    return sum(isinstance(layer, kind) for layer in model.layers)


def shapes(model) -> dict:
    return {layer.name: tuple(layer.output.shape[1:]) for layer in model.layers}


def test_course_resnet50_layers_and_shapes():
    model = network(zoo.spec("course-resnet50"), (64, 64, 3), 6)
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
    outputs = stage_outputs(network(zoo.spec(name), (size, size, 3), 10))
    assert {stage: tuple(outputs[stage].shape[1:]) for stage in expected} == expected
    assert "head" not in outputs


def test_stage_outputs_make_a_model():
    model = network(zoo.spec("cifar-resnet8"), (32, 32, 3), 10)
    features = keras.Model(model.input, stage_outputs(model))
    values = features(np.zeros((2, 32, 32, 3), "float32"))
    assert sorted(values) == ["stage1", "stage2", "stage3", "stem"]
    assert values["stage3"].shape == (2, 8, 8, 64)


@pytest.mark.parametrize(
    ("shortcut", "projections", "additions"),
    [("projection", 2, 9), ("projection-all", 9, 9), ("zero-pad", 0, 9), ("none", 0, 0)],
)
def test_shortcut_kinds(shortcut, projections, additions):
    model = network(replace(zoo.spec("cifar-resnet20"), shortcut=shortcut), (32, 32, 3), 10)
    assert sum(layer.name.endswith("shortcut_conv") for layer in model.layers) == projections
    assert count(model, keras.layers.Add) == additions


def test_zero_pad_shortcut_carries_every_second_pixel_and_zeros():
    from residual.blocks import Names, zero_pad

    x = np.arange(2 * 4 * 4 * 3, dtype="float32").reshape(2, 4, 4, 3)
    y = keras.ops.convert_to_numpy(zero_pad(5, 2, Names())(x))
    assert y.shape == (2, 2, 2, 5)
    np.testing.assert_array_equal(y[..., :3], x[:, ::2, ::2])
    assert not y[..., 3:].any()
    with pytest.raises(NetworkError, match="cannot go from 3 down to 2 channels"):
        zero_pad(2, 1, Names())(x)


@pytest.mark.parametrize(
    "name", ["resnet18", "course-resnet50", "cifar-resnet8", "wide-resnet10-1", "resnet50d"]
)
def test_smallest_size_works_and_one_less_is_named(name):
    spec = zoo.spec(name)
    smallest = spec.total_stride
    model = network(spec, (smallest, smallest, 3), 3)
    assert keras.ops.convert_to_numpy(model(np.zeros((1, smallest, smallest, 3)))).shape == (1, 3)
    with pytest.raises(NetworkError, match=f"the smallest is {smallest}x{smallest}"):
        network(spec, (smallest - 1, smallest, 3), 3)


def test_any_input_size():
    model = network(zoo.spec("cifar-resnet8"), (None, None, 3), 4)
    for height, width in ((32, 32), (17, 41)):
        y = keras.ops.convert_to_numpy(model(np.zeros((1, height, width, 3))))
        np.testing.assert_allclose(y.sum(), 1, rtol=1e-5)


def test_own_spec_of_any_depth():
    spec = NetworkSpec("mine", (1, 2), (8, 12), stem="cifar", stem_width=8)
    assert spec.depth == 8
    assert network(spec, (16, 16, 3), 2).output_shape == (None, 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"blocks": (1, 2, 3)}, "need one entry per stage, got 3, 2, 2 and 3"),
        ({"blocks": (0, 1)}, "must all be at least 1"),
        ({"shortcut": "skip"}, "shortcut must be one of zero-pad, projection"),
    ],
)
def test_wrong_specs(changes, message):
    values = {"blocks": (1, 1), "widths": (8, 16)} | changes
    with pytest.raises(NetworkError, match=message):
        NetworkSpec("mine", **values)


@pytest.mark.parametrize(
    ("layer", "group"),
    [
        ("stem_conv", "stem"),
        ("stage2_block1_conv1", "stage2"),
        ("stage12_block1_add", "stage12"),
        ("res3b_branch2a", "stage3"),
        ("bn3b_branch2a", "stage3"),
        ("res5c_relu", "stage5"),
        ("conv1", "stem"),
        ("bn_conv1", "stem"),
        ("conv2_block3_out", "stage2"),
        ("fc6", "head"),
        ("head_pool", "head"),
        ("predictions", "head"),
    ],
)
def test_group_of(layer, group):
    assert group_of(layer) == group


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


@pytest.mark.parametrize("depth", [50, 101, 152])
@pytest.mark.parametrize("version", ["", "v2"])
def test_same_outputs_as_keras_applications(depth, version):
    theirs = getattr(keras.applications, f"ResNet{depth}{version.upper()}")(
        weights=None, input_shape=(64, 64, 3)
    )
    ours = network(zoo.spec(f"keras-resnet{depth}{version}"), (64, 64, 3), 1000)
    x = np.random.default_rng(1).normal(0, 1, (4, 64, 64, 3)).astype("float32")
    randomize(theirs, x)
    assert len(weighted(ours)) == len(weighted(theirs))
    for layer in weighted(ours):
        layer.set_weights(theirs.get_layer(application_name(layer.name, bool(version))).get_weights())
    expected = keras.ops.convert_to_numpy(theirs(x, training=False))
    assert expected.std(0).max() > 1e-2, "the images must not look alike to the network"
    got = keras.ops.convert_to_numpy(ours(x, training=False))
    np.testing.assert_allclose(got, expected, atol=1e-5, rtol=1e-5)
