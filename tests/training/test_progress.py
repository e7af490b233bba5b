"""What is shown while a network trains fits into the terminal, and rows stay under their headings."""

import io
import re
from types import SimpleNamespace

import pytest

from residual._console import NotebookLine
from residual._text_console import TextConsole
from residual.training.callbacks.progress import Progress

LOGS = {"loss": 1.23456, "accuracy": 0.456, "val_loss": 2.3456, "val_accuracy": 0.789}
CONTROL = re.compile(r"\x1b\[[?0-9;]*[A-Za-z]")


def train(
    width: int, terminal: bool, *, epochs: int = 182, logs=LOGS, share: float = 0.12, **options
) -> list[str]:
    """The lines that two epochs of three steps print, and every state of the live line."""
    console = TextConsole(
        file=io.StringIO(), width=width, force_terminal=terminal, color_system=None, **options
    )
    batches = SimpleNamespace(steps=3, batch_size=128, first=0)
    progress = Progress(console, epochs, batches, SimpleNamespace(share=share))  # type: ignore[arg-type]
    progress.on_train_begin()
    for epoch in (0, 1):
        progress.on_epoch_begin(epoch)
        for batch in range(3):
            progress.on_train_batch_end(batch, logs)
            if progress.live:
                progress.live.refresh()
        progress.on_epoch_end(epoch, logs)
    progress.on_train_end()
    printed = CONTROL.sub("", console.file.getvalue()).replace("\r", "\n")  # type: ignore[attr-defined]
    return [line.rstrip() for line in printed.split("\n") if line.strip()]


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_live_line_is_wider_than_the_usual_terminal(width):
    live = [line for line in train(width, True) if "step" in line]
    assert live
    assert max(map(len, live)) <= min(79, width - 1)
    assert "loss 1.235" in live[0]


def test_rows_fit_into_eighty_columns():
    rows = [line for line in train(80, True) if "step" not in line]
    assert max(map(len, rows)) <= 79
    assert not any("waiting" in row for row in rows)


def test_a_pipe_has_headings_and_a_row_per_epoch():
    head, first, second = train(80, False)
    assert head.split() == ["loss", "accuracy", "val.", "loss", "accuracy", "time"]
    assert first.startswith("epoch   1/182    1.235     45.6%      2.346     78.9%")
    assert re.search(r"0\.0 s  0:0\d left {3,}waiting for data 12%$", first)
    assert second.startswith("epoch   2/182")
    assert len(head) == first.index(" s  ") + 2


def test_a_notebook_shows_the_steps_of_an_epoch(monkeypatch):
    shown = []
    monkeypatch.setattr(NotebookLine, "update", lambda self, text, *, last=False: shown.append((last, text)))
    rows = train(80, False, in_notebook=True)
    assert len(rows) == 3
    assert shown[0][1] == "starting"
    assert shown[1][1].startswith("epoch   1/182  step 1/3  loss 1.235  accuracy 45.6%")
    assert len(shown) == 8
    assert max(len(text) for _, text in shown) <= 79
    assert shown[-1] == (True, "trained for 0 s")
    shown.clear()
    train(80, False, in_notebook=True, quiet=True)
    assert shown == []


def test_the_last_epoch_has_no_time_left():
    assert train(80, False, epochs=2, share=0.0)[-1].endswith("0.0 s")


def test_large_losses_and_no_validation_keep_the_columns():
    logs = {"loss": 123456.0, "accuracy": 1.0}
    head, first, _ = train(80, False, logs=logs)
    assert first.startswith("epoch   1/182 1.23e+05    100.0%")
    assert len(head) == first.index(" s  ") + 2
