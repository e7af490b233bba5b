"""Several devices give the network and the losses of one, up to the order of sums."""

from pathlib import Path

import pytest

from tests.backends import run_on

SCRIPT = Path(__file__).parents[1] / "support" / "several_devices.py"
# After six steps of SGD; the largest that were seen: float32 3e-6 and 1e-6 (log.csv has six digits).
LARGEST = {"float32": (5e-6, 5e-6), "bfloat16": (0.05, 0.05)}


@pytest.mark.parametrize("precision", ["float32", pytest.param("bfloat16", marks=pytest.mark.slow)])
def test_several_devices_compute_what_one_does(precision):
    found = run_on("jax", str(SCRIPT), precision)
    weights, losses = LARGEST[precision]
    assert found["3 devices"]["weights"] < weights  # neither 16 images nor the last 8 divide by 3
    assert found["3 devices"]["losses"] < losses
    assert found["shares"] == [[0, 1, 2], [3, 4, 5], [6, 0, 0]]
    assert found["labels"] == [7, 2]
    assert found["recorded"]
    assert not found["plain is recorded"]
