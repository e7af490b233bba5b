"""What a user sees while a network trains: a live line in a terminal, plain lines elsewhere."""

import time

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from residual.training.waiting import Waiting


class TrainingProgress(keras.callbacks.Callback):
    """Epoch, step, loss, accuracy, images per second and time left; one lasting line per epoch.

    Args:
        console: where to write.
        epochs: of the whole run.
        steps: per epoch.
        batch_size: images per step.
        waiting: knows the share of the time that went by waiting for images, shown from 1% on.
    """

    def __init__(self, console: Console, epochs: int, steps: int, batch_size: int, waiting: Waiting):
        super().__init__()
        self.waiting = waiting
        self.console, self.epochs, self.steps, self.batch_size = console, epochs, steps, batch_size
        self.live: Progress | None = None
        self.task = None

    def on_train_begin(self, logs=None):
        self.started = time.perf_counter()
        if self.console.is_terminal:
            self.live = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[status]}"),
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
        if self.live is None:
            return
        done = batch + 1
        now = time.perf_counter()
        rate = done * self.batch_size / (now - self.epoch_started)
        all_done = self.epoch * self.steps + done
        left = (now - self.started) / all_done * (self.epochs * self.steps - all_done)
        status = (
            f"step {done}/{self.steps}  loss {logs['loss']:.3f}  accuracy {logs['accuracy']:.1%}  "
            f"{rate:,.0f} images/s  {clock(left)} left{self._waited()}"
        )
        self.live.update(self.task, completed=done, status=status)

    def on_epoch_end(self, epoch, logs=None):
        seconds = time.perf_counter() - self.epoch_started
        validation = ""
        if "val_accuracy" in logs:
            validation = f"  validation loss {logs['val_loss']:.3f} accuracy {logs['val_accuracy']:6.1%}"
        left = (time.perf_counter() - self.started) / (epoch + 1) * (self.epochs - epoch - 1)
        self.console.print(
            f"epoch {epoch + 1:{len(str(self.epochs))}}/{self.epochs}  loss {logs['loss']:.3f} "
            f"accuracy {logs['accuracy']:6.1%}{validation}  {seconds:.1f} s"
            + (f"  {clock(left)} left" if epoch + 1 < self.epochs else "")
            + self._waited(),
            highlight=False,
            soft_wrap=True,
        )

    def _waited(self) -> str:
        share = self.waiting.share
        return f"  waiting for data {share:.0%}" if share >= 0.01 else ""

    def stop(self):
        """Take the live line away; also called when training fails."""
        if self.live:
            self.live.stop()
            self.live = None

    def on_train_end(self, logs=None):
        self.stop()


def clock(seconds: float) -> str:
    """Seconds as "45 s", "3 min 20 s" or "2 h 5 min"."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    return f"{minutes // 60} h {minutes % 60} min"
