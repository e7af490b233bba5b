"""The share of its time that training waits for data: right where a known delay is put in."""

import time
from pathlib import Path

import numpy as np
import pytest

from residual.data.images import Images
from residual.training import batches as rooms
from residual.training.batches import Batches
from residual.training.callbacks.waiting_time import WaitingTime
from tests.backends import OTHERS, run_on
from tests.support.waiting_share import share


@pytest.mark.parametrize(
    ("data", "step", "low", "high"),
    [
        (0.2, 0.0, 0.7, 1.0),  # 1, but for the milliseconds of a step
        (0.2, 0.1, 0.25, 0.68),  # 1.1 s of 2.1: 0.1 s a batch, 0.2 for the first
        (0.1, 0.2, 0.0, 0.2),  # 0.1 s of 2.1: made while the step runs, but for the first
        (0.0, 0.1, 0.0, 0.1),
    ],
)
def test_share_of_waiting_is_that_of_the_delay(data, step, low, high, monkeypatch):
    monkeypatch.setattr(rooms, "_MOST_THREADS", 1)
    assert low <= share(data, step) <= high


def test_several_threads_make_batches_side_by_side(monkeypatch):
    monkeypatch.setattr(rooms, "count_cores", lambda: 8)
    assert share(0.2, 0.1) <= 0.3


@pytest.mark.parametrize("backend", OTHERS)
def test_the_other_backends_wait_and_overlap_alike(backend):
    got = run_on(backend, str(Path(__file__).parents[1] / "support" / "waiting_share.py"))
    assert got["all"] >= 0.7
    assert 0.25 <= got["half"] <= 0.68
    assert got["none"] <= 0.2


def test_before_the_first_step_nothing_was_waited_for():
    batches = Batches(Images(np.zeros((2, 4, 4, 3), np.uint8), np.arange(2)), 2, 2)
    assert WaitingTime(batches).share == 0.0
    assert batches.waited_for(0, time.perf_counter()) == 0.0
