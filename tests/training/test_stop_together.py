"""Several processes end after the same step, whichever of them gets the signal."""

from types import SimpleNamespace

import pytest

from residual._console import default_console
from residual.training.callbacks.stop_on_interrupt import StopOnInterrupt


class Store:
    """What the processes say to each other, without the processes."""

    def __init__(self):
        self.said = {}

    def read(self, name):
        return self.said.get(name)

    def say_first(self, name, text):
        self.said.setdefault(name, text)


def make_callbacks(count):
    store, found = Store(), []
    for _ in range(count):
        callback = StopOnInterrupt(default_console(quiet=True), store)
        callback.set_model(SimpleNamespace(stop_training=False))
        found.append(callback)
    return found


def run_steps(callbacks, signals, orders, last=30):
    """The step after which each process ends: {process: step}.

    Args:
        callbacks: of the processes.
        signals: (process, step, name): before the end of that step the process has got this signal.
        orders: the order in which the processes come to the end of a step.
    """
    ends = {}
    for step in range(last):
        for process in orders[step % len(orders)]:
            for who, when, name in signals:
                if (who, when) == (process, step):
                    callbacks[process]._signalled = name
            callbacks[process].on_train_batch_end(step)
            if callbacks[process].model.stop_training and process not in ends:
                ends[process] = step
        if ends:
            break
    return ends


@pytest.mark.parametrize("orders", [[(0, 1, 2)], [(2, 1, 0)], [(0, 1, 2), (2, 0, 1)]])
@pytest.mark.parametrize(
    "signals",
    [
        [(0, 4, "interrupted")],
        [(2, 4, "terminated")],
        [(0, 4, "terminated"), (2, 4, "terminated")],
        [(1, 4, "interrupted"), (2, 5, "terminated")],
    ],
)
def test_all_end_after_the_same_step(signals, orders):
    callbacks = make_callbacks(3)
    assert run_steps(callbacks, signals, orders) == {0: 5, 1: 5, 2: 5}
    assert len({(callback.interrupted, callback.terminated) for callback in callbacks}) == 1


def test_without_a_signal_none_ends():
    assert run_steps(make_callbacks(2), [], [(0, 1)]) == {}
