"""A training that is interrupted before some step, as if its process was killed, and is resumed."""

from contextlib import contextmanager

import pytest

import residual
from residual.training.callbacks.epoch_log import EpochLog


class Cut(Exception):
    """What interrupts a training."""


@contextmanager
def cut_before(step):
    """A training in here must come to this step, counted from 0, and is interrupted before it."""

    def begin(self, batch, logs=None):
        if self.steps == step:
            raise Cut

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(EpochLog, "on_train_batch_begin", begin)
        with pytest.raises(Cut):
            yield


def check_resumed(name, step, report, rows):
    """Resume a training that was interrupted before this step, and compare it with one that was not.

    report, rows: of the one that was not, its report and its log.
    """
    resumed = residual.resume(name, progress=False)
    assert [entry["step"] for entry in resumed.report["resumed"]] == [step]
    assert resumed.report["weights_sha256"] == report["weights_sha256"]
    losses = [[row["val_loss"] for row in log] for log in (rows, resumed.folder.log_rows())]
    assert losses[0] == losses[1]
