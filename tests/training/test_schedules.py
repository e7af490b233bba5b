"""Learning rates by hand, at the ends and at every boundary."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from residual.errors import RecipeError
from residual.training.recipes import NOTEBOOK_E
from residual.training.schedules import Constant, OneCycle, Steps, Triangle, from_table


def test_constant():
    rates = Constant(0.5).rates(3, 2)
    assert rates.dtype == np.float32
    assert rates.tolist() == [0.5] * 6


def test_one_cycle_by_hand():
    # 8 steps, a quarter of them up: 1/25 and halfway to the peak; then down from the peak in 6.
    rates = OneCycle(peak=1.0).rates(4, 2)
    half = (1 + np.cos(np.pi * np.arange(6) / 5)) / 2
    expected = [0.04, 0.52, *(1e-4 + (1 - 1e-4) * half)]
    np.testing.assert_allclose(rates, np.float32(expected), rtol=1e-6)


@given(st.floats(1e-6, 10), st.floats(0, 1), st.integers(1, 50), st.integers(1, 20))
def test_one_cycle_rises_to_its_peak_and_falls(peak, warmup, steps, epochs):
    rates = OneCycle(peak, warmup).rates(steps, epochs)
    assert len(rates) == steps * epochs
    assert rates[0] == np.float32(peak / 25)
    assert rates.max() <= np.float32(peak)
    top = int(rates.argmax())
    assert (np.diff(rates[: top + 1]) > 0).all()
    assert (np.diff(rates[top:]) < 0).all()
    up = max(1, round(warmup * steps * epochs))
    if up < len(rates):
        assert top == up
        assert rates[top] == np.float32(peak)
    if up + 1 < len(rates):
        assert rates[-1] == np.float32(peak / 1e4)


def test_triangle_by_hand():
    rates = Triangle(2.0, warmup=0.4, start=0.5, end=0.1).rates(5, 2)
    np.testing.assert_allclose(rates, [1, 1.25, 1.5, 1.75, 2, 1.64, 1.28, 0.92, 0.56, 0.2], rtol=1e-6)
    assert rates.dtype == np.float32
    assert Triangle(1.0, warmup=0).rates(1, 3).tolist() == pytest.approx([1, 0.535, 0.07])


def test_steps_by_hand():
    assert Steps(((0, 4.0), (1, 2.0), (3, 1.0))).rates(2, 4).tolist() == [4, 4, 2, 2, 2, 2, 1, 1]
    assert Steps(((0, 4.0), (9, 1.0))).rates(1, 2).tolist() == [4, 4]


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [
        (0, 1e-3),
        (80, 1e-3),
        (81, 1e-4),
        (120, 1e-4),
        (121, 1e-5),
        (160, 1e-5),
        (161, 1e-6),
        (180, 1e-6),
        (181, 5e-7),
        (199, 5e-7),
    ],
)
def test_boundaries_of_the_cifar10_notebook(epoch, rate):
    steps = 3
    rates = NOTEBOOK_E.schedule.rates(steps, NOTEBOOK_E.epochs)
    assert len(rates) == 600
    assert rates[epoch * steps : (epoch + 1) * steps].tolist() == [np.float32(rate)] * steps


@pytest.mark.parametrize("schedule", [Constant(1e-3), OneCycle(0.1, 0.3), Steps(((0, 1.0), (5, 1e-7)))])
def test_tables_round_trip(schedule):
    assert from_table(schedule.to_table()) == schedule
    assert from_table({**schedule.to_table()}).rates(2, 9).tolist() == schedule.rates(2, 9).tolist()


PAIRS = (
    "schedule steps: rates_from must be pairs [epoch, rate], epochs ascending from 0, rates at least 0; got "
)


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (
            {"kind": "cosine"},
            "schedule: kind must be one of constant, one-cycle, triangle, steps; got 'cosine'.",
        ),
        (
            {"kind": ["steps"]},
            "schedule: kind must be one of constant, one-cycle, triangle, steps; got ['steps'].",
        ),
        (0.1, 'schedule: must be a table such as {kind = "constant", rate = 0.001}; got 0.1.'),
        ({"kind": "constant"}, "schedule constant: lacks rate."),
        ({"kind": "one-cycle", "top": 1}, "schedule one-cycle: unknown key top; allowed are peak, warmup."),
        ({"kind": "constant", "rate": "x"}, "schedule constant: rate must be a number from 0; got 'x'."),
        ({"kind": "constant", "rate": -1}, "schedule constant: rate must be a number from 0; got -1."),
        (
            {"kind": "constant", "rate": float("nan")},
            "schedule constant: rate must be a number from 0; got nan.",
        ),
        (
            {"kind": "one-cycle", "peak": 1, "warmup": 2},
            "schedule one-cycle: warmup must be a number from 0 to 1; got 2.",
        ),
        ({"kind": "steps", "rates_from": []}, PAIRS + "[]."),
        ({"kind": "steps", "rates_from": 3}, PAIRS + "3."),
        ({"kind": "steps", "rates_from": [1, 2]}, PAIRS + "[1, 2]."),
        ({"kind": "steps", "rates_from": [[1, 0.1]]}, PAIRS + "[[1, 0.1]]."),
        ({"kind": "steps", "rates_from": [[0, 1], [0, 2]]}, PAIRS + "[[0, 1], [0, 2]]."),
        ({"kind": "steps", "rates_from": [[0, 1], [1.5, 2]]}, PAIRS + "[[0, 1], [1.5, 2]]."),
        ({"kind": "steps", "rates_from": [[0, -1]]}, PAIRS + "[[0, -1]]."),
        ({"kind": "steps", "rates_from": [[0, "fast"]]}, PAIRS + "[[0, 'fast']]."),
    ],
)
def test_errors_say_what_is_allowed(table, text):
    with pytest.raises(RecipeError) as caught:
        from_table(table)
    assert str(caught.value) == text
