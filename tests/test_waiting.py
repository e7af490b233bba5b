"""The share of its time that training waits for data: right where a known delay is put in."""

import time
from pathlib import Path

import numpy as np
import pytest

from residual.data import batches as rooms
from residual.data.batches import Batches
from residual.data.images import Images
from residual.training.waiting import Waiting
from tests.backends import OTHERS, run_on
from tests.waiting_share import share


@pytest.mark.parametrize(
    ("data", "step", "low", "high"),
    [
        (0.2, 0.0, 0.6, 1.0),  # the step takes some milliseconds, all else is waiting
        (0.2, 0.1, 0.2, 0.55),  # half of it, but for those milliseconds
        (0.1, 0.2, 0.0, 0.12),  # made while the step runs, but for the first
        (0.0, 0.1, 0.0, 0.05),
    ],
)
def test_share_of_waiting_is_that_of_the_delay(data, step, low, high, monkeypatch):
    monkeypatch.setattr(rooms, "_MOST_THREADS", 1)
    assert low <= share(data, step) <= high


def test_several_threads_make_batches_side_by_side(monkeypatch):
    monkeypatch.setattr(rooms, "cores", lambda: 8)
    assert share(0.2, 0.1) <= 0.3


@pytest.mark.parametrize("backend", OTHERS)
def test_the_other_backends_wait_and_overlap_alike(backend):
    got = run_on(backend, str(Path(__file__).with_name("waiting_share.py")))
    assert got["all"] >= 0.6
    assert 0.2 <= got["half"] <= 0.55
    assert got["none"] <= 0.12


def test_before_the_first_step_nothing_was_waited_for():
    batches = Batches(Images(np.zeros((2, 4, 4, 3), np.uint8), np.arange(2)), 2, 2)
    assert Waiting(batches).share == 0.0
    assert batches.waited_for(0, time.perf_counter()) == 0.0
