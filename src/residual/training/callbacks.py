"""What watches a training: the best weights, the log, a loss that is no number, and Ctrl-C."""

import contextlib
import math
import signal
import threading
import time
from collections.abc import Callable

import keras
import numpy as np

from residual.training.checkpoints import State, numbered
from residual.training.runs import RunFolder


class Best(keras.callbacks.Callback):
    """Keeps the best weights: highest validation accuracy, then lowest validation loss.

    Args:
        keep: "best", or "last" for the weights of the last epoch.
    """

    def __init__(self, keep: str):
        super().__init__()
        self.keep = keep
        self.score, self.weights, self.epoch = (-np.inf, 0.0), None, 0

    def on_epoch_end(self, epoch, logs=None):
        score = (logs["val_accuracy"], -logs["val_loss"])
        if self.keep == "last" or score >= self.score:
            self.score, self.weights, self.epoch = score, self.model.get_weights(), epoch + 1

    def restore(self, model: keras.Model) -> None:
        """Give the model its best weights back; before the first epoch's end it keeps those it has."""
        if self.weights is not None:
            model.set_weights(self.weights)

    def arrays(self) -> dict[str, np.ndarray]:
        """For a checkpoint: the best weights so far."""
        return numbered("best", self.weights or [])

    def facts(self) -> dict:
        """For a checkpoint: epoch and score of the best weights."""
        return {"epoch": self.epoch, "score": [float(part) for part in self.score]} if self.epoch else {}

    def resume(self, state: State) -> None:
        """Go on from a checkpoint."""
        if known := state.facts["best"]:
            self.epoch, self.score, self.weights = known["epoch"], tuple(known["score"]), state.named("best")


class Log(keras.callbacks.Callback):
    """Writes log.csv after every epoch, and counts steps.

    Args:
        folder: of the run. Where it cannot be written, that is said once and the training goes on.
        rates: the learning rate of every step; a row has that of the epoch's last step.
        console: where to say so.

    Attributes:
        rows: of log.csv, one for each epoch.
        steps: taken since the start of the training.
    """

    def __init__(self, folder: RunFolder, rates: np.ndarray, console):
        super().__init__()
        self.folder, self.rates, self.console = folder, rates, console
        self.rows, self.steps, self.failed = [], 0, False
        self._before = 0.0  # seconds of this epoch that went by in a process before this one

    @property
    def rate(self) -> float:
        """The learning rate of the last step."""
        return float(self.rates[max(0, self.steps - 1)])

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter() - self._before
        self._before = 0.0

    def on_epoch_end(self, epoch, logs=None):
        row = {"epoch": epoch + 1, **{name: round(float(value), 6) for name, value in logs.items()}}
        row |= {"learning_rate": self.rate, "seconds": round(time.perf_counter() - self.started, 2)}
        self.rows.append(row)
        try:
            self.folder.write_log(self.rows)
        except OSError as error:
            if not self.failed:
                self.console.print(
                    f"{self.folder.path / 'log.csv'} cannot be written: {error.strerror}. Going on."
                )
            self.failed = True

    def facts(self, within_epoch: bool) -> dict:
        """For a checkpoint: the rows so far, and the seconds of an epoch that has begun."""
        seconds = time.perf_counter() - self.started if within_epoch else 0.0
        return {"rows": list(self.rows), "epoch_seconds": seconds}

    def resume(self, state: State) -> None:
        """Go on from a checkpoint."""
        self.steps, self.rows = state.step, list(state.facts["log"]["rows"])
        self._before = state.facts["log"]["epoch_seconds"]


class LossIsNoNumber(Exception):
    """Raised out of `fit` by `Finite`.

    Attributes:
        epoch, batch: where, counted from 0; `batch` as Keras counts, from where the epoch was taken up.
        loss: nan, inf or -inf.
    """

    def __init__(self, epoch: int, batch: int, loss: float):
        super().__init__(f"the loss became {loss}")
        self.epoch, self.batch, self.loss = epoch, batch, loss


class Finite(keras.callbacks.Callback):
    """Ends a training whose loss is no finite number. It comes first: nothing of such a step is kept.

    The loss that Keras reports is the mean over the epoch so far, which stays nan or infinite from the first such
    step on.
    """

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            raise LossIsNoNumber(self.epoch, batch, loss)


class Stop(keras.callbacks.Callback):
    """Ends a training after the current step once `asked()`: Keras forgets a stop that comes while `fit` starts."""

    def __init__(self, asked: Callable[[], bool]):
        super().__init__()
        self.asked = asked

    def on_train_batch_end(self, batch, logs=None):
        if self.asked():
            self.model.stop_training = True


@contextlib.contextmanager
def interruptible(model: keras.Model, console):
    """Let Ctrl-C end `model.fit` after the current step; yields a function that says whether it did.

    A second Ctrl-C stops at once.
    """
    state = {"interrupted": False}

    def stop(signum, frame):
        if state["interrupted"]:
            raise KeyboardInterrupt
        state["interrupted"] = model.stop_training = True
        console.print(
            "Stopping after this step; the best so far is kept, and the run can be resumed. Ctrl-C again stops at once."
        )

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield lambda: state["interrupted"]
    finally:
        signal.signal(signal.SIGINT, before)
