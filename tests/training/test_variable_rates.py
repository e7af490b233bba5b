"""Learning rates of single weights."""

import keras
import numpy as np
import pytest

from residual.backend import accelerate
from residual.models import zoo
from residual.models.build import build_network
from residual.training.variable_rates import find_bias_rates, multiply_rates


@pytest.mark.parametrize("prepare", [lambda optimizer: optimizer, accelerate.fused], ids=["stock", "fused"])
def test_the_biases_of_batch_norms_learn_faster(prepare):
    model = build_network(zoo.find_spec("cifar-resnet8"), (8, 8, 3), 2)
    optimizer = prepare(keras.optimizers.SGD(0.01, momentum=0.9))
    optimizer = multiply_rates(optimizer, find_bias_rates(model, 16.0))
    before = {v.path: keras.ops.convert_to_numpy(v).copy() for v in model.trainable_variables}
    optimizer.build(model.trainable_variables)
    optimizer.apply([keras.ops.ones_like(v) for v in model.trainable_variables], model.trainable_variables)
    for variable in model.trainable_variables:
        change = keras.ops.convert_to_numpy(variable) - before[variable.path]
        wanted = -0.16 if variable.path.endswith("beta") else -0.01
        np.testing.assert_allclose(change, np.full(change.shape, wanted), rtol=1e-4)


def test_a_factor_of_one_changes_nothing():
    model = build_network(zoo.find_spec("cifar-resnet8"), (8, 8, 3), 2)
    optimizer = keras.optimizers.SGD(0.01)
    assert multiply_rates(optimizer, find_bias_rates(model, 1.0)) is optimizer
    assert type(optimizer) is keras.optimizers.SGD
