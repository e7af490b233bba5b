"""JAX and torch do without TensorFlow, with the same heat maps and gradients, and no variance is below zero."""

from pathlib import Path

import keras
import numpy as np
import pytest

from residual.errors import RunError
from residual.training.batch_norm import check_statistics, norms, recompute_batch_norm
from tests.backends import OTHERS, run_on
from tests.support.flat_images import find_largest_error
from tests.support.made import stripes
from tests.support.seeded_maps import compute_maps

SCRIPT = Path(__file__).parent / "support" / "other_backend.py"


@pytest.mark.parametrize("backend", [name for name in OTHERS if name != "tensorflow"])
def test_other_backends_need_no_tensorflow_and_compute_variances_right(backend):
    found = run_on(backend, str(SCRIPT))
    errors, maps = found.pop("errors"), found.pop("maps")
    for method, values in compute_maps().items():
        assert maps[method] == pytest.approx(values, abs=2e-3), method
    assert found == {
        "folders": ["alone", "train", "validation"],
        "export is equal": True,
        "gradients are right": True,
        "Muon turns kernels": True,
        "imports TensorFlow": False,
        "variances are right": True,
    }, errors


def test_variances_of_flat_images_are_those_of_float64():
    assert max(find_largest_error().values()) < 1e-4


def plain_model() -> keras.Model:
    pixels = keras.Input((16, 16, 3))
    x = keras.layers.BatchNormalization(name="first")(pixels)
    return keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(x), name="plain")


@pytest.mark.parametrize("value", [-0.002, np.nan, np.inf])
def test_a_variance_that_makes_every_output_nan_is_refused(value):
    model = plain_model()
    check_statistics(model)
    norms(model)[0].moving_variance.assign(np.array([1.0, value, 1.0]))
    with pytest.raises(RunError, match=f"batch norm first has a variance of {value:.3g}, .* not saved"):
        check_statistics(model)


def test_a_variance_below_zero_by_less_than_epsilon_is_no_failure():
    model = plain_model()
    norms(model)[0].moving_variance.assign(np.array([1.0, -1e-6, 1.0]))
    check_statistics(model)


def test_statistics_that_are_recomputed_are_checked_batch_by_batch(monkeypatch):
    model = plain_model()

    def forward(batch):
        norms(model)[0].moving_variance.assign(np.full(3, -1.0))

    monkeypatch.setattr("residual.backend.training_forward", lambda model: forward)
    with pytest.raises(RunError, match="has a variance of -1, which must be a finite number from 0"):
        recompute_batch_norm(model, stripes(32, 0), 16)
