"""When a training's state is kept, what belongs to it, and how a training takes it up again."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np

from residual import backend
from residual.training import checkpoints
from residual.training.callbacks import Best, Log
from residual.runs.checkpoints import State, numbered
from residual.runs.folder import RunFolder
from residual.training.callbacks.waiting_time import Waiting

EVERY = 60.0  # seconds
_COPIED = 4e8  # bytes in a second, until it is measured: 384 MB took 0.15 to 1.1 s
_COST = 0.01  # most of the training time that it may stand still for checkpoints at the ends of epochs


class Checkpoints(keras.callbacks.Callback):
    """Keeps the state of a training each minute, at the ends of epochs, and when Ctrl-C ends it.

    The training stands still while the arrays are copied; a thread of its own writes them. Epochs that are shorter
    than a hundred times that standstill share checkpoints. A disk that takes no more is told once, and the training
    goes on. It comes after all callbacks whose state it keeps.

    Args:
        folder: for the checkpoints.
        best, log, waiting: the other callbacks with a state.
        console: where to say that a checkpoint cannot be written.

    Attributes:
        standstill: seconds that the training stood still so far.
        written: how many checkpoints were written.
    """

    def __init__(self, folder: Path, best: Best, log: Log, waiting: Waiting, console):
        super().__init__()
        self.folder, self.best, self.log, self.waiting, self.console = folder, best, log, waiting, console
        self.steps_per_epoch = waiting.batches.steps
        self.standstill, self.written = 0.0, 0
        self._taken_up: State | None = None
        self._writer, self._writing = ThreadPoolExecutor(1, "checkpoints"), Future()
        self._writing.set_result(None)
        self._told = False
        self._last, self._took = time.perf_counter(), 0.0

    def resume(self, model: keras.Model, state: State) -> tuple[int, int]:
        """Give a compiled model, and the other callbacks, what a checkpoint holds.

        The running metrics follow when the epoch begins, as Keras resets them then.

        Returns:
            The epoch, and the step of it, to go on with, both counted from 0.
        """
        model.set_weights(state.named("weights"))
        for variable, value in zip(model.optimizer.variables, state.named("optimizer"), strict=True):
            variable.assign(value)
        for part in (self.best, self.log, self.waiting):
            part.resume(state)
        self._taken_up = state
        return state.facts["epoch"], state.facts["step"]

    def on_train_begin(self, logs=None):
        values = sum(weight.size for weight in self.model.get_weights())
        self._took = self._took or 4 * 4 * values / _COPIED  # the weights, two for the optimizer, the best

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, self.step = epoch, 0
        if self._taken_up is not None:
            self.step = self._taken_up.facts["step"]
            for variable, value in zip(
                self.model.metrics_variables, self._taken_up.named("metrics"), strict=False
            ):
                variable.assign(value)
            self._taken_up = None

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        due = self.model.stop_training or time.perf_counter() - self._last >= EVERY
        if due and self.step < self.steps_per_epoch:
            self._keep(self.epoch, self.step)

    def on_epoch_end(self, epoch, logs=None):
        whole = self.step == self.steps_per_epoch
        since = time.perf_counter() - self._last
        if whole and (self.model.stop_training or since >= min(EVERY, self._took / _COST)):
            self._keep(epoch + 1, 0)

    def _keep(self, epoch: int, step: int) -> None:
        """Copy the state and have it written, unless the one before is still being written."""
        started = time.perf_counter()
        if self.model.stop_training:
            self._writing.result()
        if not self._writing.done():
            return
        state = self._state(epoch, step)
        self._writing = self._writer.submit(self._write, state)
        self._last = time.perf_counter()
        self._took = self._last - started
        self.standstill += self._took

    def _state(self, epoch: int, step: int) -> State:
        backend.settle_state(self.model)
        variables = [np.asarray(v.numpy()) for v in self.model.optimizer.variables]
        arrays = numbered("weights", self.model.get_weights()) | numbered("optimizer", variables)
        arrays |= self.best.arrays()
        if step:
            arrays |= numbered("metrics", [np.asarray(v.numpy()) for v in self.model.metrics_variables])
        facts = {
            "epoch": epoch,
            "step": step,
            "best": self.best.facts(),
            "log": self.log.facts(within_epoch=step > 0),
            "waiting": self.waiting.facts(),
        }
        return State(epoch * self.steps_per_epoch + step, arrays, facts)

    def _write(self, state: State) -> None:
        if not all(np.isfinite(weight).all() for weight in state.named("weights")):
            return  # the step that made them had a loss yet; the next has none, and the one before is the last good
        try:
            checkpoints.write(self.folder, state)
            self.written += 1
        except OSError as error:
            if not self._told:
                kept = checkpoints.found(self.folder)
                before = (
                    f"that of step {checkpoints.step_of(kept[0]):,} is kept" if kept else "there is none yet"
                )
                reason = error.strerror or error
                _say(
                    self.console,
                    f"A checkpoint cannot be written to {self.folder}: {reason}; {before}. Going on.",
                )
            self._told = True

    def finish(self) -> None:
        """Wait for what is being written."""
        self._writer.shutdown()


def last_state(folder: RunFolder, console) -> State | None:
    """The newest checkpoint of a run that is whole, told to the user; None where the training begins anew."""
    for path, state in checkpoints.newest(folder.checkpoints):
        if state is not None:
            epoch, step = state.facts["epoch"], state.facts["step"]
            place = f"step {step:,} of epoch {epoch + 1}" if step else f"the end of epoch {epoch}"
            _say(console, f"resuming {folder.path} from its checkpoint of step {state.step:,}, {place}")
            return state
        checkpoints.set_aside(path)
        lost = f"{path} is damaged: its checksum does not match. It is set aside."
        _say(console, f"{lost} Looking for the one before it.")
    _say(console, f"{folder.path} has no checkpoint that can be used: it begins anew")
    return None


def _say(console, text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True, markup=False)
