"""Ctrl-C and SIGTERM: the training ends after the current step, with a checkpoint."""

import contextlib
import signal
import threading
from collections.abc import Iterator

import keras

from residual.backend.processes import Processes

_SIGNALS = {"SIGINT": "interrupted", "SIGTERM": "terminated"}
_STOP = "stop"


class StopOnInterrupt(keras.callbacks.Callback):
    """Ends a training after the current step once Ctrl-C or SIGTERM has come.

    A second Ctrl-C stops at once. SIGTERM, which containers and Slurm send before they kill, ends the process with
    exit code 143 when the checkpoint is written.

    Of several processes that train together, each may get a signal, and all end after the same step: the one that got
    it says so to the others, which read it one step later. No process can be further, because a step needs them all.

    Args:
        console: for the message.
        link: to the other processes, if there are some.

    Attributes:
        interrupted: whether Ctrl-C ended the training.
        terminated: whether SIGTERM did.
    """

    def __init__(self, console, link: Processes | None = None):
        super().__init__()
        self.console, self.link = console, link
        self.interrupted = self.terminated = False
        self._signalled: str | None = None
        self._moment = 0  # ends of steps and epochs so far, the same in all processes

    def on_train_batch_end(self, batch, logs=None):
        if self.link is not None:
            self._agree(self.link)
        elif self.interrupted or self.terminated:  # Keras forgets a stop that comes while `fit` starts
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        if self.link is not None:  # a validation may have taken long
            self._agree(self.link)

    def _agree(self, link: Processes) -> None:
        """End the training if a process has said, one step or more ago, that all shall."""
        self._moment += 1
        said = link.read(_STOP)
        if said is None and self._signalled:
            link.say_first(_STOP, f"{self._moment + 1} {self._signalled}")
            said = link.read(_STOP)
        if said is None:
            return
        moment, _, name = said.partition(" ")
        if self._moment >= int(moment):
            if self._signalled is None:
                setattr(self, name, True)
                self._announce()
            self.interrupted, self.terminated = name == "interrupted", name == "terminated"
            self.model.stop_training = True

    @contextlib.contextmanager
    def handle_signals(self, model: keras.Model) -> Iterator[None]:
        """Handle both signals during `model.fit`; in a thread that is not the main one they stay as they are.

        Raises:
            SystemExit: at the end, with code 143, if SIGTERM came.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(number, frame):
            if number == signal.SIGINT and self.interrupted:
                raise KeyboardInterrupt
            name = _SIGNALS[signal.Signals(number).name]
            if self.link is None:
                setattr(self, name, True)
                model.stop_training = True
            elif self._signalled and number == signal.SIGINT:
                raise KeyboardInterrupt
            else:
                self._signalled = name
            self._announce()

        before = {name: signal.signal(getattr(signal, name), stop) for name in _SIGNALS}
        try:
            yield
        finally:
            for name, handler in before.items():
                signal.signal(getattr(signal, name), handler)
        if self.terminated:
            raise SystemExit(128 + signal.SIGTERM)

    def _announce(self) -> None:
        if self.terminated or self._signalled == "terminated":
            text = "SIGTERM: writing a checkpoint after this step, then ending. The run can be resumed."
        else:
            text = (
                "Stopping after this step. The best epoch so far is kept, and the run can be resumed. "
                "Press Ctrl-C again to stop at once."
            )
        self.console.print(text, highlight=False, soft_wrap=True)
