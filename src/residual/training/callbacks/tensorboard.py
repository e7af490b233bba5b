"""What TensorBoard shows of a training, in tensorboard/ of the run folder; nothing if it is not installed.

    train/         loss, accuracy, learning rate, gradient norm, seconds and waiting of every epoch; images as the
                   network sees them
    validation/    loss and accuracy; at the end, the mistakes

Of the package tensorboard, only the messages and the file format are used. Its own writer would load TensorFlow
if that is installed, on JAX and torch too.
"""

# The messages' classes are made when they are imported, where pyright cannot see them.
# pyright: reportAttributeAccessIssue=false

import importlib.util
import time
from pathlib import Path

import keras
import numpy as np

from residual.augment import apply_augmentations
from residual.augment.resize import scale_down
from residual.data.images import Dataset
from residual.runs.folder import RunFolder
from residual.training.batches import Batches
from residual.training.callbacks.contact_sheet import contact_sheet
from residual.training.callbacks.epoch_log import EpochLog
from residual.training.callbacks.waiting_time import WaitingTime

SHOWN = 30  # images at most
LOOKED_AT = 1_000  # validation images at most, for mistakes
TRAIN = ("loss", "accuracy", "learning_rate", "gradient_norm", "seconds")
VALIDATION = ("val_loss", "val_accuracy")


def make_boards(
    folder: RunFolder, classes: tuple[str, ...], log: EpochLog, waiting: WaitingTime, console
) -> list["Board"]:
    """A callback that writes for TensorBoard, to come after `log` and before `waiting`; none if it is not installed.

    Args:
        folder: of the run.
        classes: names of the classes.
        log: whose rows are written.
        waiting: knows how long training waited for images, and has the batches.
        console: where to say that files cannot be written.
    """
    if not (folder.writes and _installed()):
        return []
    return [Board(folder.path / "tensorboard", classes, log, waiting, console)]


def _installed() -> bool:
    return importlib.util.find_spec("tensorboard") is not None


class Board(keras.callbacks.Callback):
    """Writes an epoch's figures when it ends, counted from 1, and the first batch's images after the first step.

    A training that is resumed writes a file of its own, which begins by declaring void what came after its first
    epoch began. If nothing can be written, it warns once and training continues.

    Args:
        path: folder for the files.
        classes, log, waiting, console: as for `make_boards`.
    """

    def __init__(self, path: Path, classes: tuple[str, ...], log: EpochLog, waiting: WaitingTime, console):
        super().__init__()
        self.path, self.classes, self.log, self.waiting, self.console = path, classes, log, waiting, console
        self.train, self.validation = EventFile(path / "train"), EventFile(path / "validation")
        self.begun = self.failed = False
        self.shows_images = False

    def on_epoch_begin(self, epoch, logs=None):
        self.before = self.waiting.batches.waited, self.waiting.spent
        if not self.begun:
            self.begun, self.shows_images = True, epoch == 0
            for file in (self.train, self.validation):
                self._write(file, start=epoch + 1 if epoch else 0)

    def on_train_batch_end(self, batch, logs=None):
        if self.shows_images:
            self.shows_images = False
            self._write(self.train, images={"training_images": self._first_batch()})

    def on_epoch_end(self, epoch, logs=None):
        row = self.log.rows[-1]
        waited, spent = (
            now - before
            for now, before in zip(
                (self.waiting.batches.waited, self.waiting.spent), self.before, strict=True
            )
        )
        figures = {name: row[name] for name in TRAIN if name in row} | {
            "waiting_for_data": waited / spent if spent else 0.0
        }
        self._write(self.train, epoch + 1, figures)
        self._write(self.validation, epoch + 1, {name.removeprefix("val_"): row[name] for name in VALIDATION})

    def _write(self, file: "EventFile", *what, **named) -> None:
        if self.failed:
            return
        try:
            file.write(*what, **named)
        except OSError as error:
            self.failed = True
            self.console.print(
                f"{self.path} cannot be written: {error.strerror}. Training continues.", soft_wrap=True
            )

    def _first_batch(self) -> tuple[bytes, tuple[int, int]]:
        """The images of the epoch's first batch after augmentation, made again, with their labels."""
        batches = self.waiting.batches
        few = batches.order[: batches.batch_size]
        labels = np.eye(batches.classes, dtype=np.float32)[batches.images.y[few]]
        draws = np.random.default_rng((batches.seed, batches.epoch, 0))
        images = batches.images.x[few]
        if batches.side is not None:
            images = scale_down(np.asarray(images), batches.side)
        x, y = apply_augmentations(images, labels, batches.augment, draws)
        captions = [_label(row, self.classes) for row in y[:SHOWN]]
        return contact_sheet(np.asarray(x[:SHOWN], np.uint8), captions)


def _label(row: np.ndarray, classes: tuple[str, ...]) -> str:
    """'cat', or 'cat 62%' if an augmentation mixed it with another."""
    best = int(row.argmax())
    return classes[best] if row[best] >= 1 else f"{classes[best]} {row[best]:.0%}"


def show_mistakes(folder: RunFolder, model: keras.Model, data: Dataset, batch_size: int, epoch: int) -> None:
    """Write the mistakes on validation images of which a network is most sure; nothing if it makes none.

    At most a thousand images are looked at, so that this costs little. If TensorBoard is not installed or nothing can
    be written, nothing happens.

    Args:
        folder: of the run.
        model: trained; raw 0-255 RGB in, probabilities out.
        data: with a validation set.
        batch_size: as in training.
        epoch: whose weights the model has, from 1.
    """
    if not _installed() or data.validation is None:
        return
    spread = np.linspace(0, len(data.validation) - 1, min(LOOKED_AT, len(data.validation))).astype(int)
    images = data.validation.take(spread)
    rows = np.asarray(model.predict(Batches(images, len(data.classes), batch_size, shuffle=False), verbose=0))
    said, sure = rows.argmax(1), rows.max(1)
    wrong = np.flatnonzero(said != images.y)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:SHOWN]
    if not len(worst):
        return
    captions = [
        f"is {data.classes[images.y[i]]}\nsaid {data.classes[said[i]]} ({sure[i]:.0%})" for i in worst
    ]
    try:
        mistakes = contact_sheet(np.asarray(images.x[worst]), captions)
        EventFile(folder.path / "tensorboard" / "validation").write(epoch, images={"mistakes": mistakes})
    except OSError:  # the board has warned during the training
        return


class EventFile:
    """A file of TensorBoard's events, made when the first is written and complete after each.

    Args:
        folder: for the file; made if it is missing.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.path: Path | None = None

    def write(
        self,
        step: int = 0,
        scalars: dict[str, float] | None = None,
        images: dict[str, tuple[bytes, tuple[int, int]]] | None = None,
        start: int | None = None,
    ) -> None:
        """Write one event.

        Args:
            step: where on the axis.
            scalars: by name.
            images: PNG files and their (height, width), by name.
            start: instead of all that: void what other files of the folder have from this step on.

        Raises:
            OSError: if the file cannot be written.
        """
        from tensorboard.compat.proto import event_pb2, summary_pb2

        event = event_pb2.Event(wall_time=time.time(), step=step)
        if start is not None:
            event.step, event.session_log.status = start, event_pb2.SessionLog.START
            return self._append(event)
        values = [
            summary_pb2.Summary.Value(tag=tag, simple_value=value) for tag, value in (scalars or {}).items()
        ]
        for tag, (png, (height, width)) in (images or {}).items():
            image = summary_pb2.Summary.Image(
                height=height, width=width, colorspace=3, encoded_image_string=png
            )
            values.append(summary_pb2.Summary.Value(tag=tag, image=image))
        event.summary.value.extend(values)
        return self._append(event)

    def _append(self, event) -> None:
        from tensorboard.compat.proto import event_pb2
        from tensorboard.summary.writer.record_writer import RecordWriter

        begins = self.path is None
        if self.path is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            # TensorBoard reads the files of a folder in the order of their names.
            self.path = self.folder / f"events.out.tfevents.{time.time_ns()}"
        with self.path.open("ab") as file:
            records = RecordWriter(file)
            if begins:
                version = event_pb2.Event(wall_time=event.wall_time, file_version="brain.Event:2")
                records.write(version.SerializeToString())
            records.write(event.SerializeToString())
