"""What watches a training: the best weights, the log, and Ctrl-C."""

import contextlib
import signal
import threading
import time

import keras
import numpy as np

from residual.training.runs import RunFolder

_SAVE_BEST_EVERY = 60.0  # seconds between writes of the best network so far


class Best(keras.callbacks.Callback):
    """Keeps the best weights: highest validation accuracy, then lowest validation loss.

    Args:
        keep: "best", or "last" for the weights of the last epoch.
        save: called with the model, at most once a minute, so that a crash does not cost everything.
    """

    def __init__(self, keep: str, save):
        super().__init__()
        self.keep, self.save = keep, save
        self.score, self.weights, self.epoch = (-np.inf, 0.0), None, 0
        self.saved = time.perf_counter()

        self.on_disk = 0

    def on_epoch_end(self, epoch, logs=None):
        score = (logs["val_accuracy"], -logs["val_loss"])
        if self.keep == "last" or score >= self.score:
            self.score, self.weights, self.epoch = score, self.model.get_weights(), epoch + 1
        if self.on_disk != self.epoch and time.perf_counter() - self.saved > _SAVE_BEST_EVERY:
            self._save_best()

    def _save_best(self) -> None:
        current = self.model.get_weights()
        self.restore(self.model)
        self.save(self.model)
        self.model.set_weights(current)
        self.saved, self.on_disk = time.perf_counter(), self.epoch

    def restore(self, model: keras.Model) -> None:
        """Give the model its best weights back; before the first epoch's end it keeps those it has."""
        if self.weights is not None:
            model.set_weights(self.weights)


class Log(keras.callbacks.Callback):
    """Writes log.csv after every epoch, and counts steps.

    Args:
        folder: of the run. Where it cannot be written, that is said once and the training goes on.
        rates: the learning rate of every step; a row has that of the epoch's last step.
        console: where to say so.
    """

    def __init__(self, folder: RunFolder, rates: np.ndarray, console):
        super().__init__()
        self.folder, self.rates, self.console = folder, rates, console
        self.rows, self.steps, self.failed = [], 0, False

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        rate = float(self.rates[self.steps - 1])
        row = {"epoch": epoch + 1, **{name: round(float(value), 6) for name, value in logs.items()}}
        row |= {"learning_rate": rate, "seconds": round(time.perf_counter() - self.started, 2)}
        self.rows.append(row)
        try:
            self.folder.write_log(self.rows)
        except OSError as error:
            if not self.failed:
                self.console.print(
                    f"{self.folder.path / 'log.csv'} cannot be written: {error.strerror}. Going on."
                )
            self.failed = True


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
        console.print("Stopping after this step; the best so far is kept. Ctrl-C again stops at once.")

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield lambda: state["interrupted"]
    finally:
        signal.signal(signal.SIGINT, before)
