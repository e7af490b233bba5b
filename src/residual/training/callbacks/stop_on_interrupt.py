"""Ctrl-C and SIGTERM: the training ends after the current step, with a checkpoint."""

import contextlib
import signal
import threading
from collections.abc import Iterator

import keras

_SIGNALS = {"SIGINT": "interrupted", "SIGTERM": "terminated"}


class StopOnInterrupt(keras.callbacks.Callback):
    """Ends a training after the current step once Ctrl-C or SIGTERM has come.

    A second Ctrl-C stops at once. SIGTERM, which containers and Slurm send before they kill, ends the process with
    exit code 143 when the checkpoint is written.

    Args:
        console: for the message.

    Attributes:
        interrupted: whether Ctrl-C ended the training.
        terminated: whether SIGTERM did.
    """

    def __init__(self, console):
        super().__init__()
        self.console = console
        self.interrupted = self.terminated = False

    def on_train_batch_end(self, batch, logs=None):
        if self.interrupted or self.terminated:  # Keras forgets a stop that comes while `fit` starts
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
            setattr(self, _SIGNALS[signal.Signals(number).name], True)
            model.stop_training = True
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
        if self.terminated:
            text = "SIGTERM: writing a checkpoint after this step, then ending. The run can be resumed."
        else:
            text = (
                "Stopping after this step. The best epoch so far is kept, and the run can be resumed. "
                "Press Ctrl-C again to stop at once."
            )
        self.console.print(text, highlight=False, soft_wrap=True)
