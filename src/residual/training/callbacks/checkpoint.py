"""When a training's state is written, what belongs to it, and how a training is resumed from it."""

import time
from concurrent.futures import Future, ThreadPoolExecutor

import keras
import numpy as np

from residual import backend
from residual.runs import checkpoints
from residual.runs.checkpoints import State, number_arrays
from residual.runs.folder import RunFolder
from residual.training.callbacks.average_weights import AverageWeights
from residual.training.callbacks.best_weights import BestWeights
from residual.training.callbacks.epoch_log import EpochLog
from residual.training.callbacks.waiting_time import WaitingTime
from residual.training.seeds import assign_seed_states, read_seed_states

EVERY = 60.0  # seconds
_COPIED = 4e8  # bytes in a second, until it is measured: 384 MB took 0.15 to 1.1 s
_COST = 0.01  # largest share of the training time that checkpoints at the ends of epochs may pause it


class Checkpoint(keras.callbacks.Callback):
    """Writes the state of a training each minute, at the ends of epochs, and when Ctrl-C or SIGTERM ends it.

    The training pauses while the arrays are copied; a thread of its own writes them. Epochs that are shorter than a
    hundred times that pause share checkpoints. If the disk is full, it warns once and training continues. It comes
    after all callbacks whose state it keeps.

    Args:
        folder: of the run.
        best, log, waiting: the other callbacks with a state.
        console: for the warning.
        average: one more, if the recipe averages the weights.

    Attributes:
        paused: seconds that the training has paused so far.
        written: how many checkpoints were written.
    """

    def __init__(
        self,
        folder: RunFolder,
        best: BestWeights,
        log: EpochLog,
        waiting: WaitingTime,
        console,
        average: AverageWeights | None = None,
    ):
        super().__init__()
        self.best, self.log, self.waiting, self.console = best, log, waiting, console
        self.average = average
        self.folder, self.writes = folder.checkpoints, folder.writes
        self.steps_per_epoch = waiting.batches.steps
        self.paused, self.written = 0.0, 0
        self._resumed: State | None = None
        self._writer, self._writing = ThreadPoolExecutor(1, "checkpoints"), Future()
        self._writing.set_result(None)
        self._warned = False
        self._last, self._took = time.perf_counter(), 0.0

    def resume(self, model: keras.Model, state: State, with_optimizer: bool = True) -> None:
        """Give a compiled model, and the other callbacks, what a checkpoint holds.

        The running metrics follow when the epoch begins, because Keras resets them then.

        Args:
            model: compiled.
            state: from the checkpoint.
            with_optimizer: whether its optimizer continues; false if a phase begins here, with a new one.
        """
        model.set_weights(state.named("weights"))
        if with_optimizer:
            # Checkpoints of version 0.1 lack the last variable, the norm of the gradient.
            for variable, value in zip(model.optimizer.variables, state.named("optimizer"), strict=False):
                variable.assign(value)
        assign_seed_states(model, state.named("seeds"))
        for part in (self.best, self.log, self.waiting, self.average):
            if part is not None:
                part.resume(state)
        self._resumed = state

    def on_train_begin(self, logs=None):
        values = sum(weight.size for weight in self.model.get_weights())
        self._took = self._took or 4 * 4 * values / _COPIED  # the weights, two for the optimizer, the best

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, self.step = epoch, 0
        if self._resumed is not None:
            self.step = self._resumed.facts["step"]
            for variable, value in zip(
                self.model.metrics_variables, self._resumed.named("metrics"), strict=False
            ):
                variable.assign(value)
            self._resumed = None

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
        """Copy the state and have it written, unless the previous one is still being written."""
        if not self.writes:
            return
        started = time.perf_counter()
        if self.model.stop_training:
            self._writing.result()
        if not self._writing.done():
            return
        state = self._state(epoch, step)
        self._writing = self._writer.submit(self._write, state)
        self._last = time.perf_counter()
        self._took = self._last - started
        self.paused += self._took

    def _state(self, epoch: int, step: int) -> State:
        backend.settle_state(self.model)
        variables = [np.asarray(v.numpy()) for v in self.model.optimizer.variables]
        arrays = number_arrays("weights", self.model.get_weights()) | number_arrays("optimizer", variables)
        arrays |= number_arrays("seeds", read_seed_states(self.model)) | self.best.arrays()
        if step:
            arrays |= number_arrays("metrics", [np.asarray(v.numpy()) for v in self.model.metrics_variables])
        facts = {
            "epoch": epoch,
            "step": step,
            "best": self.best.facts(),
            "log": self.log.facts(within_epoch=step > 0),
            "waiting": self.waiting.facts(),
        }
        if self.average is not None:
            arrays |= self.average.arrays()
            facts["average"] = self.average.facts()
        return State(epoch * self.steps_per_epoch + step, arrays, facts)

    def _write(self, state: State) -> None:
        if not all(np.isfinite(weight).all() for weight in state.named("weights")):
            return  # the step that made them still had a finite loss; the checkpoint before it is the last good one
        try:
            checkpoints.write(self.folder, state)
            self.written += 1
        except OSError as error:
            if not self._warned:
                self._warn(error)
            self._warned = True

    def _warn(self, error: OSError) -> None:
        kept = checkpoints.list_checkpoints(self.folder)
        before = f"that of step {checkpoints.step_of(kept[0]):,} is kept" if kept else "there is none yet"
        text = (
            f"A checkpoint cannot be written to {self.folder}: {error.strerror or error}; {before}. "
            "Training continues."
        )
        _print(self.console, text)

    def finish(self) -> None:
        """Wait for what is being written."""
        self._writer.shutdown()


def load_last_state(folder: RunFolder, console) -> State | None:
    """The newest undamaged checkpoint of a run; the console says which. None if the training begins anew."""
    for path, state in checkpoints.newest(folder.checkpoints):
        if state is not None:
            epoch, step = state.facts["epoch"], state.facts["step"]
            place = f"step {step:,} of epoch {epoch + 1}" if step else f"the end of epoch {epoch}"
            _print(console, f"resuming {folder.path} from its checkpoint of step {state.step:,}, {place}")
            return state
        checkpoints.mark_damaged(path)
        damage = f"{path} is damaged: its checksum does not match. It is renamed."
        _print(console, f"{damage} Looking for the previous one.")
    _print(console, f"{folder.path} has no checkpoint that can be used: it begins anew")
    return None


def _print(console, text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True, markup=False)
