"""Networks in a study: trained alike from a seed, probed layer by layer, and changed block by block."""

import json

import keras
import numpy as np
import pytest

from residual.errors import NetworkError
from residual.models.build import build_network
from residual.models.spec import NetworkSpec
from residual.studies.blocks import Weights, can_swap, find_blocks, swap
from residual.studies.comparison import make_recipe
from residual.studies.probes import probe_layers, take_batch
from residual.studies.sampling import choose_images, describe_images
from residual.studies.surgery import operate
from residual.studies.trial import Trial, plan_build, remove_norms, watch_steps, zero_last_norms
from tests.support.study import make_data


def make_spec(**changes) -> NetworkSpec:
    values = {
        "name": "tiny",
        "blocks": (2, 2),
        "widths": (4, 8),
        "stem": "cifar",
        "stem_width": 4,
        "shortcut": "zero-pad",
    }
    return NetworkSpec(**{**values, **changes})


@pytest.fixture(scope="module")
def data():
    return choose_images(make_data(96), 80, 8)


@pytest.fixture(scope="module")
def trial(data):
    with Trial(plan_build(make_spec(), data), data, make_recipe(2, 0.05, 16)) as found:
        yield found


@pytest.fixture(scope="module")
def networks():
    """A residual, a plain and a pre-activation network, their statistics and scales drawn at random."""
    found = {}
    for name, changes in {
        "residual": {},
        "plain": {"shortcut": "none"},
        "pre": {"preactivation": True},
    }.items():
        draw = np.random.default_rng(0)
        model = build_network(make_spec(**changes), (8, 8, 3), 4)
        for layer in model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.set_weights([draw.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
        found[name] = model
    return found


def compute(model) -> np.ndarray:
    x = np.random.default_rng(1).normal(size=(3, 8, 8, 3)).astype(np.float32)
    return keras.ops.convert_to_numpy(model(x, training=False))


def compute_layer(model, name: str) -> np.ndarray:
    return compute(keras.Model(model.inputs[0], model.get_layer(name).output))


def test_images_are_few_small_and_apart(data):
    assert len(data.train) + len(data.validation) == 80
    assert len(data.test) == 96
    small = choose_images(make_data(96, 16), 80, 8)
    assert small.size == (8, 8)
    assert "8x8 pixels" in describe_images(small)
    both = {image.tobytes() for image in data.train.x} & {image.tobytes() for image in data.validation.x}
    assert not both


def test_a_seed_gives_the_same_training_again_and_another_seed_another(trial, data):
    first, other, again = (trial.train(seed) for seed in (0, 1, 0))
    assert len(first.train) == len(first.validation) == 2
    assert first.finite
    assert np.allclose(first.train, again.train)
    assert first.train != other.train
    assert 0 <= trial.measure_error(data.test) <= 1


def test_a_training_is_watched_step_by_step_and_its_gradients_probed(trial, data):
    steps, norms = [], []
    x, y = take_batch(data, 16)

    def look(step):
        steps.append(step)
        if step == 0:
            norms.extend(probe_layers(trial.model, x, y).norms)

    trial.train(0, [watch_steps(look)], validate=False)
    assert steps[:5] == [0, 1, 2, 3, 4]
    assert len(norms) == 9  # the stem, and two in each of four blocks
    assert all(norm > 0 for norm in norms)


def test_networks_without_norms_have_their_layers_and_new_weights(data):
    model = plan_build(make_spec(bias="all"), data, remove_norms)()
    kinds = {type(layer) for layer in model.layers}
    assert keras.layers.BatchNormalization not in kinds
    assert keras.layers.Add in kinds
    assert np.array_equal(
        model.get_layer("normalization").get_weights()[0],
        plan_build(make_spec(), data)().get_layer("normalization").get_weights()[0],
    )


def test_a_block_whose_last_norm_is_zero_begins_as_its_shortcut():
    model = build_network(make_spec(), (8, 8, 3), 4)
    zero_last_norms(model)
    assert np.allclose(compute_layer(model, "stage1_block2_out"), compute_layer(model, "stage1_block1_out"))


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("residual", "stage1_block1_out", "stage1_block2_out"),
        ("plain", "stage1_block1_out", "stage1_block2_out"),
        ("pre", "stage1_block1_add", "stage1_block2_add"),
    ],
)
def test_a_deleted_block_passes_its_input_on_and_comes_back(networks, kind, before, after):
    model = networks[kind]
    whole = compute(model)
    block = find_blocks(model)[1]
    kept = Weights(block.layers)
    assert not np.allclose(compute_layer(model, before), compute_layer(model, after), atol=1e-3)
    block.delete()
    assert np.allclose(compute_layer(model, before), compute_layer(model, after), atol=1e-5)
    kept.restore()
    assert np.array_equal(compute(model), whole)


def test_blocks_say_what_can_be_done_with_them(networks):
    plain, residual = find_blocks(networks["plain"]), find_blocks(networks["residual"])
    assert [block.name for block in plain] == [
        "stage1_block1",
        "stage1_block2",
        "stage2_block1",
        "stage2_block2",
    ]
    assert [block.can_be_deleted for block in plain] == [True, True, False, True]
    assert all(block.can_be_deleted for block in residual)
    assert can_swap(residual[0], residual[1])
    assert not can_swap(residual[1], residual[2])


def test_swapped_twice_is_as_before(networks):
    model = networks["residual"]
    whole, blocks = compute(model), find_blocks(model)
    swap(blocks[0], blocks[1])
    assert not np.allclose(compute(model), whole)
    swap(blocks[0], blocks[1])
    assert np.array_equal(compute(model), whole)


def test_a_network_without_named_blocks_is_refused():
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3), keras.layers.Flatten()])
    with pytest.raises(NetworkError, match="no blocks that can be told"):
        find_blocks(model)


def test_an_operation_measures_every_change_and_leaves_the_network_as_it_was(networks):
    model = networks["residual"]
    whole = compute(model)
    found = operate(model, lambda: float(compute(model)[0, 0]), lambda: 0.5, 0)
    assert found["intact"] == pytest.approx(float(whole[0, 0]))
    assert set(found["deleted"]) == {"stage1_block1", "stage1_block2", "stage2_block1", "stage2_block2"}
    assert found["scaled"]["0.0"] == pytest.approx(found["deleted"])
    assert len(found["together"]) == 4  # none, and one to three blocks that keep their shape
    assert json.loads(json.dumps(found)) == found
    assert np.array_equal(compute(model), whole)
