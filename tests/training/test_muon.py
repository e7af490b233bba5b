"""Muon beside a reference in NumPy, on the kernels of convolutions and on the other weights."""

import keras
import numpy as np
import pytest

from residual.backend import accelerate
from residual.training.muon import Muon, find_kernels, orthogonalize
from residual.training.optimizers import OPTIMIZERS
from residual.training.variable_rates import find_bias_rates, multiply_rates
from tests.support.muon_reference import step_in_numpy, turn

to_numpy = keras.ops.convert_to_numpy


@pytest.mark.parametrize("shape", [(8, 72), (72, 8), (16, 16)])
def test_all_directions_of_a_matrix_become_about_as_long(shape):
    rng = np.random.default_rng(0)
    left, _, right = np.linalg.svd(rng.normal(size=shape), full_matrices=False)
    values = np.linspace(1, 0.1, min(shape))
    matrix = ((left * values) @ right).astype(np.float32)
    found = to_numpy(orthogonalize(matrix))
    after = np.linalg.svd(found, compute_uv=False)
    assert 0.3 < after.min() < after.max() < 1.3
    np.testing.assert_allclose(found, turn(matrix), atol=1e-4)
    axes = np.abs(np.diag(left.T @ found @ right.T))  # the directions themselves stay
    np.testing.assert_allclose(np.sort(axes), np.sort(after), atol=1e-3)


def test_a_gradient_of_nothing_turns_nothing():
    assert not to_numpy(orthogonalize(np.zeros((4, 9), np.float32))).any()


@pytest.mark.parametrize("shape", [(3, 3, 4, 8), (3, 3, 2, 32), (1, 1, 4, 8)])
def test_a_kernel_turns_and_keeps_its_norm(shape):
    rng = np.random.default_rng(1)
    kernel, gradients = rng.normal(size=shape).astype(np.float32), rng.normal(size=(3, *shape))
    variable = keras.Variable(kernel)
    optimizer = Muon(0.8, weight_decay=0.5)
    optimizer.turned = frozenset([id(variable)])
    optimizer.build([variable])
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient.astype(np.float32))], [variable])
    np.testing.assert_allclose(to_numpy(variable), step_in_numpy(kernel, gradients, 0.12, 0.6), atol=2e-3)
    assert np.linalg.norm(to_numpy(variable)) == pytest.approx(np.linalg.norm(kernel), rel=1e-5)


def test_a_rate_of_0_leaves_a_kernel_as_it_is():
    kernel = np.random.default_rng(4).normal(size=(3, 3, 2, 4)).astype(np.float32)
    variable, optimizer = keras.Variable(kernel), Muon(0.0)
    optimizer.turned = frozenset([id(variable)])
    optimizer.build([variable])
    optimizer.apply([keras.ops.ones_like(variable)], [variable])
    np.testing.assert_allclose(to_numpy(variable), kernel, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_kernel_of_zeros_begins_to_move(dtype):
    variable, optimizer = keras.Variable(np.zeros((3, 3, 2, 4)), dtype=dtype), Muon(0.8)
    optimizer.turned = frozenset([id(variable)])
    optimizer.build([variable])
    gradient = np.random.default_rng(5).normal(size=(3, 3, 2, 4)).astype(dtype)
    for _ in range(2):
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    norm = np.linalg.norm(to_numpy(variable).astype(np.float32))
    assert 0.05 < norm < 0.5  # that of the first step: at most 0.12 times 1.2 in each of four directions


@pytest.mark.parametrize("dense", [True, False])
def test_it_trains_convolutions_and_what_does_not_decay(dense):
    """Decay of a group in which nothing decays fails in Keras on torch; here it is nothing."""
    layers = [keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization(), keras.layers.GlobalMaxPooling2D()]
    layers = [*layers, keras.layers.Dense(2)] if dense else layers
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    turned = find_kernels(model)
    assert turned == {id(model.layers[0].kernel)}
    optimizer = multiply_rates(Muon(0.8, weight_decay=0.5), find_bias_rates(model, 16.0))
    optimizer.turned = turned
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    optimizer.build(model.trainable_variables)
    before = [to_numpy(one).copy() for one in model.trainable_variables]
    optimizer.apply(
        [keras.ops.zeros_like(one) for one in model.trainable_variables], model.trainable_variables
    )
    changes = [
        float(np.abs(to_numpy(one) - old).max())
        for one, old in zip(model.trainable_variables, before, strict=True)
    ]
    decayed = [
        one.path.split("/")[-2]
        for one, change in zip(model.trainable_variables, changes, strict=True)
        if change > 1e-5
    ]
    assert decayed == ([model.layers[-1].name] if dense else [])


def test_grouped_and_depthwise_kernels_are_not_turned():
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 4)),
            layers.Conv2D(8, 3, groups=2),
            layers.DepthwiseConv2D(3, depth_multiplier=2),
            keras.Sequential([layers.Conv2D(4, 1, name="inner")]),
            layers.Conv2DTranspose(4, 2),
        ]
    )
    assert find_kernels(model) == {id(model.get_layer(index=2).layers[0].kernel)}


@pytest.mark.parametrize("shape", [(5,), (6, 5), (3, 3, 5, 2)], ids=["bias", "dense", "depthwise"])
def test_other_weights_are_trained_by_sgd(shape):
    rng = np.random.default_rng(2)
    weights, gradients = rng.normal(size=shape).astype(np.float32), rng.normal(size=(3, *shape))
    ours, theirs = keras.Variable(weights), keras.Variable(weights)
    sgd = keras.optimizers.SGD(0.1, momentum=0.85, nesterov=True, weight_decay=0.01)
    for optimizer, variable in ((Muon(0.1, weight_decay=0.01), ours), (sgd, theirs)):
        optimizer.build([variable])
        for gradient in gradients:
            optimizer.apply([keras.ops.convert_to_tensor(gradient.astype(np.float32))], [variable])
    np.testing.assert_array_equal(to_numpy(ours), to_numpy(theirs))


def test_rates_of_single_weights_hold_for_kernels_too():
    changes = []
    for factor in (1.0, 0.5):
        variable = keras.Variable(np.full((1, 1, 2, 2), 2**-0.5, np.float32))
        optimizer = multiply_rates(accelerate.fused(OPTIMIZERS["muon"](0.1, 0.0)), {id(variable): factor})
        optimizer.turned = frozenset([id(variable)])
        optimizer.build([variable])
        before = to_numpy(variable).copy()
        optimizer.apply([keras.ops.convert_to_tensor(np.eye(2, dtype=np.float32)[None, None])], [variable])
        changes.append(to_numpy(variable) - before)
    np.testing.assert_allclose(changes[1], changes[0] / 2, rtol=0.02)


def test_it_is_made_again_from_its_configuration():
    optimizer = Muon(0.3, kernel_rate=0.2, kernel_momentum=0.5, momentum=0.8)
    again = Muon.from_config(optimizer.get_config())
    assert (again.kernel_rate, again.kernel_momentum, again.momentum, again.nesterov) == (0.2, 0.5, 0.8, True)


def test_a_momentum_of_nothing_is_refused():
    with pytest.raises(ValueError, match="momentum must be more than 0; got 0"):
        Muon(0.3, momentum=0)
