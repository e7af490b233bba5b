"""What a user sees while a network trains: a live line in a terminal, plain lines elsewhere."""

import time

import keras
from rich import progress
from rich.console import Console

from residual._text import format_duration
from residual.training.batches import Batches
from residual.training.callbacks.waiting_time import WaitingTime


class Progress(keras.callbacks.Callback):
    """Epoch, step, loss, accuracy, images per second and time left; one lasting line per epoch.

    Args:
        console: where to write.
        epochs: of the whole run.
        batches: what is trained on.
        waiting: knows the share of the time that was spent waiting for images, shown from 1% on.
    """

    def __init__(self, console: Console, epochs: int, batches: Batches, waiting: WaitingTime):
        super().__init__()
        self.waiting, self.batches = waiting, batches
        self.console, self.epochs, self.steps = console, epochs, batches.steps
        self.done = 0  # steps of this process
        self.live: progress.Progress | None = None
        self.task = None

    def on_train_begin(self, logs=None):
        if not self.done:
            self.started = time.perf_counter()
        if self.console.is_terminal:
            self.live = progress.Progress(
                progress.TextColumn("{task.description}"),
                progress.BarColumn(bar_width=24),
                progress.TextColumn("{task.fields[status]}"),
                console=self.console,
                transient=True,
            )
            self.live.start()
            self.task = self.live.add_task("starting", total=self.steps, status="")

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, self.epoch_started = epoch, time.perf_counter()
        if self.live:
            self.live.reset(self.task, description=f"epoch {epoch + 1}/{self.epochs}", status="")

    def on_train_batch_end(self, batch, logs=None):
        self.done += 1
        if self.live is None:
            return
        rate = (batch + 1) * self.batches.batch_size / (time.perf_counter() - self.epoch_started)
        done = self.batches.first + batch + 1
        left = self._estimate_left(self.epoch * self.steps + done)
        status = (
            f"step {done}/{self.steps}  loss {logs['loss']:.3f}  accuracy {logs['accuracy']:.1%}  "
            f"{rate:,.0f} images/s  {format_duration(left)} left{self._format_waiting()}"
        )
        self.live.update(self.task, completed=done, status=status)

    def on_epoch_end(self, epoch, logs=None):
        seconds = time.perf_counter() - self.epoch_started
        validation = ""
        if "val_accuracy" in logs:
            validation = f"  validation loss {logs['val_loss']:.3f} accuracy {logs['val_accuracy']:6.1%}"
        left = self._estimate_left((epoch + 1) * self.steps)
        self.console.print(
            f"epoch {epoch + 1:{len(str(self.epochs))}}/{self.epochs}  loss {logs['loss']:.3f} "
            f"accuracy {logs['accuracy']:6.1%}{validation}  {seconds:.1f} s"
            + (f"  {format_duration(left)} left" if epoch + 1 < self.epochs else "")
            + self._format_waiting(),
            highlight=False,
            soft_wrap=True,
        )

    def _estimate_left(self, step: int) -> float:
        """Seconds to the end of the training, from this step of all on."""
        return (time.perf_counter() - self.started) / max(1, self.done) * (self.epochs * self.steps - step)

    def _format_waiting(self) -> str:
        share = self.waiting.share
        return f"  waiting for data {share:.0%}" if share >= 0.01 else ""

    def stop(self):
        """Remove the live line; also called when training fails."""
        if self.live:
            self.live.stop()
            self.live = None

    def on_train_end(self, logs=None):
        self.stop()
