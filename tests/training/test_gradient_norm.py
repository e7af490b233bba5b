"""The norm of the gradient: what is measured, that the weights do not change by it, and runs that lack it."""

import keras
import numpy as np
import pytest

from residual.runs.folder import RunFolder
from residual.training.gradient_norm import measure_gradient, read_gradient_norm
from tests.support.measured_gradient import measure_epochs


def test_the_norm_is_that_of_the_steps_that_are_measured():
    found, expected = measure_epochs()
    assert found == pytest.approx(expected, rel=1e-5)


def dense_model(optimizer) -> keras.Model:
    pixels = keras.Input((3,))
    outputs = keras.layers.Dense(2, kernel_initializer=keras.initializers.GlorotUniform(seed=1))(pixels)
    model = keras.Model(pixels, outputs)
    model.compile(optimizer, "mse", jit_compile=False)
    return model


def test_the_weights_do_not_change_by_the_measurement():
    x, y = np.random.default_rng(0).normal(size=(2, 24, 3)).astype(np.float32)
    models = [dense_model(keras.optimizers.AdamW(0.01, clipnorm=0.1)) for _ in range(2)]
    measure_gradient(models[1], 3)
    for model in models:
        model.fit(x, y[:, :2], batch_size=8, epochs=2, shuffle=False, verbose=0)
    for plain, measured in zip(*(model.get_weights() for model in models), strict=True):
        assert np.array_equal(plain, measured)
    assert read_gradient_norm(models[0]) is None
    assert read_gradient_norm(models[1]) > 0.1  # before it is clipped


def test_an_optimizer_that_scales_the_loss_is_left_alone():
    model = dense_model(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)))
    measure_gradient(model, 3)
    assert read_gradient_norm(model) is None


def test_rows_of_an_older_version_have_no_norm(tmp_path):
    old, new = {"epoch": 1, "seconds": 2.0}, {"epoch": 2, "gradient_norm": 0.5, "seconds": 2.0}
    folder = RunFolder(tmp_path)
    folder.write_log([old, new])
    rows = folder.log_rows()
    assert np.isnan(rows[0]["gradient_norm"])
    assert rows[1]["gradient_norm"] == 0.5
