"""log.csv: a row for each epoch."""

import time
from typing import Any

import keras

from residual.errors import RunError
from residual.runs.checkpoints import State
from residual.runs.folder import RunFolder
from residual.training.gradient_norm import read_gradient_norm


class EpochLog(keras.callbacks.Callback):
    """Writes log.csv after every epoch, and counts steps.

    If the file cannot be written, it warns once and training continues.

    Args:
        folder: of the run.
        rates: the learning rate of every step, `rates[step]`; a row has that of the epoch's last step.
        console: for the warning.

    Attributes:
        rows: of log.csv, one for each epoch.
        steps: taken since the start of the training.
    """

    def __init__(self, folder: RunFolder, rates: Any, console):
        super().__init__()
        self.folder, self.rates, self.console = folder, rates, console
        self.rows, self.steps, self.failed = [], 0, False
        self._before = 0.0  # seconds of this epoch in the process that was interrupted

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
        row["learning_rate"] = self.rate
        if (norm := read_gradient_norm(self.model)) is not None:
            row["gradient_norm"] = float(f"{norm:.6g}")
        row["seconds"] = round(time.perf_counter() - self.started, 2)
        self.rows.append(row)
        self._write()

    def _write(self) -> None:
        if not self.folder.writes:
            return
        if not self.folder.path.is_dir():  # writing would make it again, without run.toml
            raise RunError(
                f"The folder {self.folder.path} was deleted while the network was being trained. The training ends "
                "here: nothing of it can be kept."
            )
        try:
            self.folder.write_log(self.rows)
        except OSError as error:
            if not self.failed:
                self.console.print(
                    f"{self.folder.path / 'log.csv'} cannot be written: {error.strerror}. Training continues."
                )
            self.failed = True

    def facts(self, within_epoch: bool) -> dict:
        """For a checkpoint: the rows so far, and the seconds of an epoch that has begun."""
        seconds = time.perf_counter() - self.started if within_epoch else 0.0
        return {"rows": list(self.rows), "epoch_seconds": seconds}

    def resume(self, state: State) -> None:
        """Take up what a checkpoint holds."""
        self.steps, self.rows = state.step, list(state.facts["log"]["rows"])
        self._before = state.facts["log"]["epoch_seconds"]
