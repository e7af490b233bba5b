"""What TensorBoard reads of a training: its own reader is asked."""

import dataclasses
import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image
from rich.console import Console

import residual
from residual.augment import Flip
from residual.data.images import Dataset
from residual.runs.folder import RunFolder
from residual.training.batches import Batches
from residual.training.callbacks import tensorboard
from residual.training.callbacks.contact_sheet import CELL, GAP, LINE, contact_sheet
from residual.training.callbacks.tensorboard import Board, EventFile, show_mistakes
from tests.support.made import QUICK, quiet, stripes, train_on

pytest.importorskip("tensorboard")


def read(folder: Path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0})
    return found.Reload()


def points(folder: Path, name: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in read(folder).Scalars(name)]


def test_a_training_writes_its_log_and_its_images(tmp_path):
    images = stripes(96, 0)
    np.savez(tmp_path / "s.npz", x=images.x, y=images.y)
    run = residual.train("s.npz", recipe=replace(QUICK, epochs=3), progress=False)
    folder, rows = run.folder.path / "tensorboard", run.folder.log_rows()
    for name in ("loss", "accuracy", "learning_rate", "gradient_norm", "seconds"):
        expected = [(row["epoch"], pytest.approx(row[name])) for row in rows]
        assert points(folder / "train", name) == expected
    for name in ("loss", "accuracy"):
        expected = [(row["epoch"], pytest.approx(row[f"val_{name}"])) for row in rows]
        assert points(folder / "validation", name) == expected
    assert all(0 <= share < 1 for _, share in points(folder / "train", "waiting_for_data"))
    (shown,) = read(folder / "train").Images("training_images")
    assert (shown.step, Image.open(io.BytesIO(shown.encoded_image_string)).size) == (
        0,
        (shown.width, shown.height),
    )


def board(path: Path, images=None, augment=()) -> Board:
    """A board whose log holds one row, and whose training has 3 classes."""
    batches = Batches(images or stripes(8, 0), 3, 4, augment)
    row = {
        "loss": 0.5,
        "accuracy": 0.75,
        "learning_rate": 0.1,
        "seconds": 2.0,
        "val_loss": 0.6,
        "val_accuracy": 0.5,
    }
    waiting = SimpleNamespace(batches=batches, spent=0.0)
    console = Console(file=io.StringIO(), width=200)
    return Board(path, ("a", "b", "c"), SimpleNamespace(rows=[row]), waiting, console)


def trained(path: Path, *epochs: int) -> None:
    """Epochs, counted from 0, in a process of their own."""
    writer = board(path)
    for epoch in epochs:
        writer.on_epoch_begin(epoch)
        writer.waiting.batches.waited += 1.0
        writer.waiting.spent += 4.0 * (epoch + 1)
        writer.on_train_batch_end(0)
        writer.on_epoch_end(epoch)


def test_a_resumed_training_leaves_no_point_twice(tmp_path):
    trained(tmp_path, 0, 1, 2, 3)
    trained(tmp_path, 2, 3, 4)
    assert [step for step, _ in points(tmp_path / "train", "loss")] == [1, 2, 3, 4, 5]
    assert [step for step, _ in points(tmp_path / "validation", "loss")] == [1, 2, 3, 4, 5]
    assert len(read(tmp_path / "train").Images("training_images")) == 1


def test_a_training_begun_again_in_its_first_epoch_shows_its_images_once(tmp_path):
    writer = board(tmp_path)
    writer.on_epoch_begin(0)
    writer.on_train_batch_end(0)
    trained(tmp_path, 0)
    assert len(read(tmp_path / "train").Images("training_images")) == 1


def test_the_share_of_waiting_is_that_of_the_epoch(tmp_path):
    trained(tmp_path, 0, 1)
    assert points(tmp_path / "train", "waiting_for_data") == [(1, 0.25), (2, 0.125)]


def test_the_images_are_the_first_batch_after_augmentation(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        tensorboard, "contact_sheet", lambda x, captions: seen.append((x, captions)) or (b"", (1, 1))
    )
    writer = board(tmp_path, augment=(Flip(),))
    x, y = writer.waiting.batches[0]
    writer.on_epoch_begin(0)
    writer.on_train_batch_end(0)
    writer.on_train_batch_end(1)
    ((shown, captions),) = seen
    np.testing.assert_array_equal(shown, x)
    assert captions == ["abc"[row.argmax()] for row in y]
    assert tensorboard._label(np.array([0.3, 0.7, 0.0]), ("a", "b", "c")) == "b 70%"


class Sure:
    """Says class 0 of everything, the surer the brighter the image."""

    def predict(self, batches, verbose):
        x = np.concatenate([batches[i][0] for i in range(len(batches))])
        sure = 0.5 + x[:, 0, 0, 0] / 1000
        return np.stack([sure, 1 - sure, 0 * sure], 1)


def test_the_surest_mistakes_come_first(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        tensorboard, "contact_sheet", lambda x, captions: seen.append(captions) or (b"", (1, 1))
    )
    images = stripes(6, 0)
    images.x[:, 0, 0, 0] = [0, 100, 200, 0, 150, 50]
    data = Dataset("s", images, images, ("red", "green", "blue"), "", validation=images)
    show_mistakes(RunFolder(tmp_path), Sure(), data, 4, 7)
    assert [caption.split("\n") for caption in seen[0]] == [
        ["is blue", "said red (70%)"],
        ["is green", "said red (65%)"],
        ["is green", "said red (60%)"],
        ["is blue", "said red (55%)"],
    ]
    assert [image.step for image in read(tmp_path / "tensorboard/validation").Images("mistakes")] == [7]
    right = dataclasses.replace(data, validation=images.take([0, 3]))
    show_mistakes(RunFolder(tmp_path / "other"), Sure(), right, 4, 7)
    assert not (tmp_path / "other").exists()


def test_nothing_is_written_where_it_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(tensorboard.importlib.util, "find_spec", lambda name: None)
    images = stripes(48, 0)
    np.savez(tmp_path / "s.npz", x=images.x, y=images.y)
    console = quiet()
    run = train_on(console, "s.npz", recipe=replace(QUICK, epochs=1))
    assert not (run.folder.path / "tensorboard").exists()
    assert "tensorboard" not in console.file.getvalue().lower()


def test_a_full_disk_is_told_once_and_the_training_goes_on(tmp_path, monkeypatch):
    def full(self, *what, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(EventFile, "write", full)
    writer = board(tmp_path / "tb")
    for epoch in range(2):
        writer.on_epoch_begin(epoch)
        writer.on_epoch_end(epoch)
    assert (
        writer.console.file.getvalue()
        == f"{tmp_path / 'tb'} cannot be written: No space left on device. Training continues.\n"
    )


@pytest.mark.parametrize("size", [(8, 8), (32, 16), (96, 96), (300, 200)])
def test_a_sheet_has_rows_of_six(size):
    images = np.full((7, *size, 3), 200, np.uint8)
    png, (height, width) = contact_sheet(images, ["is a very long name of a class\nsaid b"] * 7)
    sheet = np.asarray(Image.open(io.BytesIO(png)))
    tall, wide = (CELL, CELL * size[1] // size[0])
    assert sheet.shape == (height, width, 3) == (GAP + 2 * (tall + 2 * LINE + GAP), GAP + 6 * (wide + GAP), 3)
    assert (sheet[GAP : GAP + tall, GAP : GAP + wide] == 200).all()
    second_row = GAP + tall + 2 * LINE + GAP
    assert (sheet[second_row : second_row + tall, GAP : GAP + wide] == 200).all()
    assert (sheet[second_row:, GAP + wide :] == 255).all(), (
        "the seventh image stands alone, its caption below it"
    )
    assert (sheet[GAP + tall : second_row - GAP, GAP : GAP + wide] < 100).any()
