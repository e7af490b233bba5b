"""The arithmetic of the accelerator benchmark: rates by differences, the bound, and when a target was reached."""

import sys
import time
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def accelerator(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import accelerator

    yield accelerator
    for name in ("accelerator", "contenders", "machine"):
        sys.modules.pop(name, None)


def test_what_a_fit_costs_by_itself_does_not_count(accelerator, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    def run(steps):
        clock[0] += 7 + 0.25 * steps

    assert accelerator.time_steps(run, few=5, many=25, turns=3) == pytest.approx([0.25] * 3)


def test_a_row_has_the_median_turn(accelerator):
    row = accelerator.describe_steps(256, [0.1, 0.5, 0.2])
    assert (row["ms"], row["images_per_second"]) == (200.0, 1280.0)


def test_the_share_of_the_bound(accelerator):
    assert accelerator.count_bytes(1_000, "bfloat16") == 10_000
    ours = {"steps": [{"images_per_second": 50.0}], "outputs": 1_000, "bandwidth": 1e6}
    found = accelerator.compare(ours, {"steps": [{"images_per_second": 40.0}]}, "bfloat16")
    assert found == {"residual_to_torch": 1.25, "bound_images_per_second": 100.0, "share_of_bound": 0.5}
    assert accelerator.compare({"problem": "did not end"}, {}, "bfloat16") == {}


def test_when_the_target_was_reached(accelerator):
    rows = [
        {"epoch": "1", "val_accuracy": "0.5", "seconds": "2.0"},
        {"epoch": "2", "val_accuracy": "0.95", "seconds": "1.5"},
        {"epoch": "3", "val_accuracy": "0.93", "seconds": "1.5"},
    ]
    assert accelerator.find_reached(rows, 0.94) == {"reached_epoch": 2, "reached_seconds": 3.5}
    assert accelerator.find_reached(rows, 0.99)["best_validation"] == 0.95
