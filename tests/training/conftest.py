"""What the tests of training share."""

import pytest


@pytest.fixture
def each_step(monkeypatch):
    """A checkpoint at every step, each written before the next is made."""
    from residual.training.callbacks import checkpoint

    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    keep = checkpoint.Checkpoint._keep

    def keep_and_wait(self, epoch, step):
        keep(self, epoch, step)
        self._writing.result()

    monkeypatch.setattr(checkpoint.Checkpoint, "_keep", keep_and_wait)
