"""The wide and shallow networks: whitened stem, pooled entries, identity start."""

import keras
import numpy as np
import pytest
from msgspec.structs import replace

import residual
from residual.data.images import Dataset, Images
from residual.errors import NetworkError
from residual.models import zoo
from residual.models.build import build_network
from residual.models.given import GivenNetwork
from residual.models.spec import NetworkSpec
from residual.models.whitened import find_whitened, is_fitted, is_whitened, make_filters
from residual.studies.trial import plan_build
from residual.training.build import build_model
from residual.training.depth import unfreeze_all
from residual.training.recipes import CIFAR10_FAST, RECIPES
from tests.support.made import striped

SMALL = NetworkSpec(
    "small",
    (1, 1),
    (8, 16),
    strides=(2, 2),
    block="single",
    entry="pooled",
    stem="whitened",
    stem_width=24,
    start="identity",
    head_pool="max",
    feature_scale=0.5,
)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Smooth noise: neighbouring pixels are alike, as in photos."""
    noise = np.random.default_rng(0).normal(size=(60, 16, 16, 3))
    smooth = noise + np.roll(noise, 1, 1) + np.roll(noise, 1, 2) + noise.mean(-1, keepdims=True)
    return np.clip(128 + 40 * smooth, 0, 255).astype(np.uint8)


def test_whitened_patches_are_uncorrelated(images):
    x = ((images - images.mean()) / images.std()).astype(np.float32)
    filters = make_filters([x[:20], x[20:]])
    assert filters.shape == (2, 2, 3, 24)
    np.testing.assert_array_equal(filters[..., 12:], -filters[..., :12])
    y = keras.ops.convert_to_numpy(keras.ops.conv(x, filters[..., :12], padding="valid")).reshape(-1, 12)
    np.testing.assert_allclose(np.cov(y.T), np.eye(12), atol=0.05)


def test_the_stem_is_fitted_to_the_training_images_and_never_trained(images):
    data = Dataset(
        "noise", Images(images, np.arange(60) % 3), Images(images[:3], np.arange(3)), ("a", "b", "c"), ""
    )
    model = build_model(data, SMALL, CIFAR10_FAST)
    stem = find_whitened(model)
    assert stem is not None
    features = keras.Model(model.inputs[0], stem.output)(images.astype(np.float32))
    flat = keras.ops.convert_to_numpy(features).reshape(-1, 24)[:, :12]
    np.testing.assert_allclose(np.cov(flat.T), np.eye(12), atol=0.05)
    unfreeze_all(model)
    assert not stem.trainable_weights


def test_blocks_begin_as_the_identity():
    model = build_network(SMALL, (16, 16, 3), 3)
    kernel = model.get_layer("stage1_block1_conv1").get_weights()[0]
    np.testing.assert_array_equal(kernel, np.pad(np.eye(8)[None, None], ((1, 1), (1, 1), (0, 0), (0, 0))))
    entry = model.get_layer("stage2_entry_conv").get_weights()[0]  # from 8 channels to 16
    np.testing.assert_array_equal(entry[1, 1, :, :8], np.eye(8))
    assert not entry[0, ..., :8].any()
    assert entry[..., 8:].all()


def test_the_parts_of_a_small_network():
    model = build_network(SMALL, (16, 16, 3), 3)
    stages = residual.stage_outputs(model)
    assert {name: tensor.shape[1:] for name, tensor in stages.items()} == {
        "stem": (15, 15, 24),
        "stage1": (7, 7, 8),
        "stage2": (3, 3, 16),
    }
    assert isinstance(model.get_layer("head_pool"), keras.layers.GlobalMaxPooling2D)
    assert model.get_layer("head_scale").scale == 0.5
    assert (SMALL.depth, SMALL.smallest_side) == (6, 5)
    build_network(SMALL, (5, 5, 3), 3)
    with pytest.raises(NetworkError, match="divides each side by 4, so the smallest is 5x5"):
        build_network(SMALL, (4, 4, 3), 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stem_width": 16}, "a whitened stem has 24 channels; got stem_width 16"),
        ({"preactivation": True}, 'entry "pooled" needs blocks of v1'),
        ({"entry": "strided"}, "entry must be block or pooled"),
    ],
)
def test_fields_that_contradict_each_other(changes, message):
    fields = {name: getattr(SMALL, name) for name in SMALL.__struct_fields__}
    with pytest.raises(NetworkError, match=message):
        NetworkSpec(**{**fields, **changes})


def test_specs_of_before_have_no_new_fields_in_their_table():
    assert not {"entry", "start", "head_pool", "feature_scale"} & set(zoo.find_spec("resnet18").to_table())
    table = zoo.find_spec("fast-resnet8").to_table()
    assert NetworkSpec.from_table(table) == zoo.find_spec("fast-resnet8")


def test_a_wider_network_differs_in_its_channels_alone():
    usual, wider = zoo.find_spec("fast-resnet8"), zoo.find_spec("fast-resnet8-384")
    assert wider.widths == (96, 384, 384)
    assert replace(wider, name=usual.name, widths=usual.widths, outputs=usual.outputs) == usual
    assert zoo.find_spec("fast-resnet11-256").widths == zoo.find_spec("fast-resnet11").widths


def test_only_images_of_three_channels_can_be_whitened():
    with pytest.raises(NetworkError, match="fast-resnet8 takes images of 3 channels.*got 1"):
        residual.build("fast-resnet8", (28, 28, 1), 10)
    with pytest.raises(NetworkError, match="its stem takes a pixel, and it divides each side by 8.*9x9"):
        residual.build("fast-resnet8", (8, 8, 3), 10)


def test_group_norm_does_not_count_a_stem_without_norm():
    spec = replace(zoo.find_spec("fast-resnet8"), norm="group", outputs=())
    assert build_network(spec, (16, 16, 3), 3).output_shape == (None, 3)
    with pytest.raises(NetworkError, match="multiples of it; got 48"):
        replace(spec, widths=(64, 48, 64))


@pytest.mark.parametrize("fitted", [False, True])
def test_the_stem_of_a_given_network_is_fitted_once(fitted):
    data = striped()
    model = residual.build("fast-resnet8", (*data.size, 3), len(data.classes))
    if fitted:
        kernel = np.random.default_rng(0).normal(size=(2, 2, 3, 12)).astype(np.float32)
        find_whitened(model).set_weights([np.concatenate([kernel, -kernel], -1)])
    before = find_whitened(model).get_weights()[0]
    built = build_model(data, GivenNetwork(model), RECIPES["digits"])
    after = find_whitened(built).get_weights()[0]
    np.testing.assert_array_equal(after[..., 12:], -after[..., :12])
    assert np.array_equal(before, after) == fitted


def test_a_convolution_that_is_trained_is_left_alone():
    data = striped()
    pixels = keras.Input((*data.size, 3))
    x = keras.layers.Conv2D(24, 2, use_bias=False, name="own")(pixels)
    y = keras.layers.Dense(3, activation="softmax")(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(pixels, y)
    built = build_model(data, GivenNetwork(model), RECIPES["digits"])
    np.testing.assert_array_equal(
        built.get_layer("own").get_weights()[0], model.get_layer("own").get_weights()[0]
    )


def test_studies_fit_the_stem():
    data = striped()
    stem = find_whitened(plan_build(zoo.find_spec("fast-resnet8"), data)())
    assert is_fitted(stem)


def test_an_ordinary_convolution_is_no_stem():
    layer = keras.layers.Conv2D(24, 2, padding="same", use_bias=False)
    layer.build((None, 8, 8, 3))
    assert not is_whitened(layer)
