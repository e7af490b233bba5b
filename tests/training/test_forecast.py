"""The plan before a training: step time, epochs within a budget, what the user reads."""

import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from residual._text import parse_duration
from residual.errors import RecipeError
from residual.training import forecast
from residual.training.forecast import Forecast, peak_memory

PLAN = Forecast(
    step_seconds=0.2, compile_seconds=1, epoch_seconds=10, before_seconds=4, after_seconds=4, memory=3 * 2**30
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("1.5h", 5400), ("2", 120), ("1h30m", 5400), ("2m5s", 125), ("0.5m", 30)],
)
def test_times(text, seconds):
    assert parse_duration("time_budget", text) == seconds


@pytest.mark.parametrize(
    "text", ["", "m", "ten", "0", "-5m", "inf", "nan", "10d", "1m1h", "1.2.3s", "9" * 400]
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(RecipeError, match='time_budget must be a time such as "90s"'):
        parse_duration("time_budget", text)


def test_epochs_within_a_budget_leave_room_for_all_around_them():
    assert PLAN.epochs_within(100) == 8  # 90 - 9 seconds
    assert PLAN.epochs_within(22) == 1


def test_a_budget_too_short_for_one_epoch_is_refused_with_what_is_needed():
    with pytest.raises(
        RecipeError, match=r"`time_budget` of 15 s is too short: one epoch .* takes about 21 s"
    ):
        PLAN.epochs_within(15)


def test_sentence():
    said = PLAN.format_sentence(6)
    assert said == "200 ms a step, 10 s an epoch, 1 min 4 s in all, 3.0 GiB of memory"
    assert ", 0.4 s an epoch, 8 s in all" in replace(PLAN, epoch_seconds=0.43).format_sentence(10)


def test_memory_is_that_of_this_process():
    assert peak_memory() > 50 * 2**20


def test_a_single_step_is_timed_itself():
    clock = forecast._Clock(2.0)
    clock.on_train_begin()
    clock.on_train_batch_begin(0)
    clock.on_train_batch_end(0)
    assert 0 < clock.step_seconds() == clock.first_seconds() < 0.5


class SlowAtFirst:
    """A model whose first step takes 0.3 s and every other next to nothing."""

    optimizer = SimpleNamespace(built=True, variables=[])
    weights = metrics_variables = variables = non_trainable_variables = ()

    def fit(self, batches, steps_per_epoch, epochs, callbacks, **_):
        (clock,) = callbacks
        clock.set_model(self)
        clock.on_train_begin()
        for step in range(steps_per_epoch * epochs):
            clock.on_train_batch_begin(step % steps_per_epoch)
            time.sleep(0.0 if step else 0.3)
            clock.on_train_batch_end(step % steps_per_epoch)

    def get_weights(self):
        return []

    def set_weights(self, weights):
        pass


class Batches(list):
    batch_size, waited = 32, 0.0

    def begin_at(self, step):
        pass


@pytest.mark.parametrize("steps", [1, 2])
def test_compiling_is_no_step_however_short_an_epoch_is(steps):
    data = SimpleNamespace(train=range(20), validation=range(2), test=range(4))
    found = forecast.measure_forecast(SlowAtFirst(), Batches(range(steps)), data, time.perf_counter())
    assert found.step_seconds < 0.1
    assert found.compile_seconds > 0.2


def test_the_first_step_is_told_from_the_others():
    clock = forecast._Clock(2.0)
    clock.on_train_begin()
    clock.began, clock.ends = 10.0, [13.0]
    clock.on_train_batch_begin(1)
    clock.ends += [13.5, 14.0]
    assert (clock.first_seconds(), clock.step_seconds()) == (3.0, 0.5)
