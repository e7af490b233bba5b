"""Heat maps point at what a network learned, forget it as weights are shuffled, and work on functional models."""

import keras
import numpy as np
import pytest

from residual.errors import DataError, NetworkError
from residual.evaluation.classifier import Classifier
from residual.inspection.explaining import explain_images
from residual.inspection.explaining.control import compare_maps, shuffle_weights
from residual.inspection.explaining.maps import METHODS, find_gradcam, find_integrated
from residual.inspection.explaining.network import ExplainedNetwork, find_cuts
from residual.inspection.explaining.shown import ShownImages
from residual.models import zoo
from residual.models.build import build_network
from tests.support.patched import CLASSES, SIDE, SQUARE, make_images, measure_share, train_patched

EVEN = SQUARE**2 / SIDE**2
X, Y, PLACES = make_images(6, 1)
SHOWN = ShownImages([f"image {i}" for i in range(6)], X, [])


@pytest.fixture(scope="module")
def patched():
    return Classifier(train_patched(), CLASSES)


@pytest.mark.parametrize("method", METHODS)
def test_maps_point_at_the_planted_square_and_the_control_does_not(patched, method):
    found = explain_images(patched, SHOWN, method)
    assert [one.label for one in found] == [CLASSES[y] for y in Y]
    share = measure_share(np.stack([one.heat for one in found]), PLACES)
    control = measure_share(np.stack([one.control for one in found]), PLACES)
    assert share > 2 * EVEN
    assert share > 1.4 * control
    inside = [
        row - 3 <= one.peak[1] * SIDE <= row + SQUARE + 3 and column - 3 <= one.peak[0] * SIDE <= column + SQUARE + 3
        for one, (row, column) in zip(found, PLACES, strict=True)
    ]  # fmt: skip
    assert sum(inside) >= 5


def test_maps_change_as_weights_are_shuffled_layer_by_layer(patched):
    network = ExplainedNetwork(patched.model)
    x, cut = X.astype(np.float32), network.choose_cut()
    before = patched.model.get_weights()
    whole = find_gradcam(network, x, Y, cut).maps
    likeness, shares = [], []
    for layers in (1, 3, 6, None):
        with shuffle_weights(network.model, layers):
            maps = find_gradcam(network, x, Y, cut).maps
        likeness.append(float(np.mean([compare_maps(a, b) for a, b in zip(whole, maps, strict=True)])))
        shares.append(measure_share(maps, PLACES))
    assert likeness[-1] < 0.5
    assert likeness[-1] <= likeness[0]
    assert shares[-1] < 0.6 * measure_share(whole, PLACES)
    assert all(np.array_equal(a, b) for a, b in zip(before, patched.model.get_weights(), strict=True))


def test_the_pixels_of_integrated_gradients_sum_to_the_difference_of_the_scores(patched):
    found = find_integrated(ExplainedNetwork(patched.model), X[:2].astype(np.float32), Y[:2])
    assert found.missing < 0.1


def test_the_map_of_another_class_is_another(patched):
    red, blue = (explain_images(patched, SHOWN, label=label) for label in ("red", "blue"))
    assert {one.label for one in blue} == {"blue"}
    assert red[0].probability == pytest.approx(1 - blue[0].probability, abs=1e-5)
    assert compare_maps(red[0].heat, blue[0].heat) < 0.9


def nested() -> keras.Model:
    inner = keras.Sequential(
        [keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3, padding="same")], name="inner"
    )
    pixels = keras.Input((16, 16, 3))
    x = keras.layers.GlobalAveragePooling2D()(inner(pixels))
    return keras.Model(pixels, keras.layers.Dense(2, "softmax")(x))


def without_head() -> keras.Model:
    pixels = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(2, 3, padding="same")(pixels)
    return keras.Model(pixels, keras.layers.Softmax()(keras.layers.GlobalMaxPooling2D()(x)))


def sequential() -> keras.Model:
    layers = [
        keras.layers.Conv2D(4, 3),
        keras.layers.Flatten(),
        keras.layers.Dense(2),
        keras.layers.Softmax(),
    ]
    return keras.Sequential([keras.Input((16, 16, 3)), *layers])


def preactivated() -> keras.Model:
    return build_network(zoo.resolve_spec("cifar-resnet11v2"), (16, 16, 3), 2)


@pytest.mark.parametrize("build", [nested, without_head, sequential, preactivated])
@pytest.mark.parametrize("method", ["gradcam", "integrated-gradients"])
def test_any_functional_network_has_maps(build, method):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3)).astype(np.uint8)
    classifier = Classifier(build(), ("a", "b"))
    found = explain_images(classifier, ShownImages(["one", "two"], pixels, []), method)
    assert all(one.heat.shape == (16, 16) and np.isfinite(one.heat).all() for one in found)
    if method == "integrated-gradients":  # of gradcam a map may be empty: nothing there speaks for the class
        assert all(one.heat.max() > 0 for one in found)


def test_everything_passes_a_cut_and_no_branch_is_one():
    model = build_network(zoo.resolve_spec("cifar-resnet8"), (16, 16, 3), 2)
    names = [cut.layer for cut in find_cuts(model)]
    assert names[-1] == "stage3_block1_out"
    assert not [name for name in names if "conv2" in name or "shortcut" in name]
    assert ExplainedNetwork(model).choose_cut().layer == "stage2_block1_out"  # 8 pixels a side, then 4


def test_mistakes(patched):
    with pytest.raises(
        DataError, match="method must be one of gradcam, integrated-gradients, occlusion; got 'x'"
    ):
        explain_images(patched, SHOWN, "x")
    with pytest.raises(DataError, match="layer must be left out with the method occlusion"):
        explain_images(patched, SHOWN, "occlusion", layer="stem_conv")
    with pytest.raises(DataError, match="label must be one of blue, red; got 'green'"):
        explain_images(patched, SHOWN, label="green")
    with pytest.raises(
        NetworkError, match="layer must be one whose maps everything passes, such as .*; got 'x'"
    ):
        explain_images(patched, SHOWN, layer="x")
