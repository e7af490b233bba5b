"""What a user sees while a network trains: a live line in a terminal or notebook, and a row for every epoch."""

import time
from collections.abc import Sequence

import keras
from rich import progress
from rich.console import Console

from residual._console import NotebookLine
from residual._text import format_clock, format_duration
from residual.training.batches import Batches
from residual.training.callbacks.waiting_time import WaitingTime

BAR = 16  # columns
LIVE = 79  # columns at most: a line that a smaller terminal would wrap stays behind when it is resized
ROW = 100  # columns of a row that also shows the waiting


class Progress(keras.callbacks.Callback):
    """Epoch, step, loss, accuracy, images per second and time left; one lasting row per epoch.

    Rows take at most 78 columns, so that they fit into the usual terminal. In a wider one, and in a pipe, they also
    show the share of the time that went by waiting for images, from 1% on.

    Args:
        console: where to write.
        epochs: of the whole run.
        batches: what is trained on.
        waiting: knows the share of the time that went by waiting for images.
        costs: of a step in each epoch, in any unit; None if all steps take as long.
    """

    def __init__(
        self,
        console: Console,
        epochs: int,
        batches: Batches,
        waiting: WaitingTime,
        costs: Sequence[float] | None = None,
    ):
        super().__init__()
        self.costs = costs or [1.0] * epochs
        self.waiting, self.batches = waiting, batches
        self.console, self.epochs, self.steps = console, epochs, batches.steps
        self.done = 0  # steps of this process
        self.spent = 0.0  # their costs
        self.live: progress.Progress | None = None
        self.task = None
        in_notebook = getattr(console, "in_notebook", False) and not console.quiet
        self.line = NotebookLine() if in_notebook else None

    def on_train_begin(self, logs=None):
        if not self.done:
            self.started = time.perf_counter()
            if self.line:  # it stands above the headings, so that the rows follow these at once
                self.line.update("starting")
            self._print(
                _format_row(" " * len(self._name(0)), "loss", "accuracy", "val. loss", "accuracy", "time")
            )
        if self.console.is_terminal:
            self.live = progress.Progress(
                progress.TextColumn("{task.description}"),
                progress.BarColumn(bar_width=BAR),
                progress.TextColumn("{task.fields[status]}"),
                console=self.console,
                transient=True,
            )
            self.live.start()
            self.task = self.live.add_task("starting", total=self.steps, status="")

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, self.epoch_started = epoch, time.perf_counter()
        if self.live:
            self.live.reset(self.task, description=self._name(epoch), status="")

    def on_train_batch_end(self, batch, logs=None):
        self.done += 1
        self.spent += self.costs[self.epoch]
        if self.live is None and self.line is None:
            return
        rate = (batch + 1) * self.batches.batch_size / (time.perf_counter() - self.epoch_started)
        done = self.batches.first + batch + 1
        left = self._estimate_left(self.epoch * self.steps + done)
        parts = (
            f"step {done}/{self.steps}",
            f"loss {_format_loss(logs['loss'])}",
            f"accuracy {logs['accuracy']:.1%}",
            f"{format_clock(left)} left",
            f"{rate:,.0f} images/s",
            self._format_waiting(),
        )
        room = min(LIVE, self.console.width - 1) - len(self._name(self.epoch)) - BAR - 2
        if self.line:
            self.line.update(f"{self._name(self.epoch)}  {_join_fitting(parts, room + BAR)}")
        if self.live:
            self.live.update(self.task, completed=done, status=_join_fitting(parts, room))

    def on_epoch_end(self, epoch, logs=None):
        validation = ("", "")
        if "val_accuracy" in logs:
            validation = (_format_loss(logs["val_loss"]), f"{logs['val_accuracy']:.1%}")
        row = _format_row(
            self._name(epoch),
            _format_loss(logs["loss"]),
            f"{logs['accuracy']:.1%}",
            *validation,
            f"{time.perf_counter() - self.epoch_started:.1f} s",
        )
        left = (
            f"{format_clock(self._estimate_left((epoch + 1) * self.steps))} left"
            if epoch + 1 < self.epochs
            else ""
        )
        waited = self._format_waiting() if not self.console.is_terminal or self.console.width >= ROW else ""
        self._print(f"{row}  {left:12}  {waited}")

    def _name(self, epoch: int) -> str:
        return f"epoch {epoch + 1:{len(str(self.epochs))}}/{self.epochs}"

    def _print(self, row: str) -> None:
        self.console.print(row.rstrip(), highlight=False, soft_wrap=True)

    def _estimate_left(self, step: int) -> float:
        """Seconds to the end of the training, from this step of all on."""
        epoch, within = divmod(step, self.steps)
        left = sum(self.costs[epoch:]) * self.steps - within * (self.costs[epoch] if within else 0)
        return (time.perf_counter() - self.started) / (self.spent or self.costs[0]) * left

    def _format_waiting(self) -> str:
        share = self.waiting.share
        return f"waiting for data {share:.0%}" if share >= 0.01 else ""

    def stop(self):
        """Remove the live line; also called when training fails."""
        if self.live:
            self.live.stop()
            self.live = None

    def on_train_end(self, logs=None):
        self.stop()
        if self.line and self.done:
            self.line.update(f"trained for {format_duration(time.perf_counter() - self.started)}", last=True)


def _format_row(name: str, loss: str, accuracy: str, val_loss: str, val_accuracy: str, seconds: str) -> str:
    return f"{name}{loss:>9}{accuracy:>10}{val_loss:>11}{val_accuracy:>10}{seconds:>10}"


def _format_loss(loss: float) -> str:
    return f"{loss:.3f}" if abs(loss) < 1000 else f"{loss:.3g}"


def _join_fitting(parts: tuple[str, ...], room: int) -> str:
    """The parts in their order, as many as fit into so many columns."""
    text = ""
    for part in filter(None, parts):
        longer = f"{text}  {part}" if text else part
        if len(longer) > room:
            break
        text = longer
    return text
