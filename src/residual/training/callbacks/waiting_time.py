"""How long training waited for its data."""

import time

import keras

from residual.runs.checkpoints import State
from residual.training.batches import Batches


class WaitingTime(keras.callbacks.Callback):
    """Measures for which share of its time `fit` stood still because the next batch was not ready yet.

    Keras on TensorFlow fetches batches on threads of its own, on JAX and torch between the steps. One rule
    is right for all: the waiting begins when the step before has ended, or when Keras asks for the batch if
    that is later (it compiles first), and ends when the batch has left `Batches`. Callbacks that come after
    this one count as waiting, so it comes last.

    Args:
        batches: what is trained on; its `waited` grows by the seconds.

    Attributes:
        spent: seconds of training so far, without validation.
    """

    def __init__(self, batches: Batches):
        super().__init__()
        self.batches = batches
        self.spent = 0.0

    @property
    def share(self) -> float:
        """Of the training time so far, 0 to 1."""
        return self.batches.waited / self.spent if self.spent else 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self.asked = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        self.batches.waited += self.batches.waited_for(batch, self.asked)
        self.spent += now - self.asked
        self.asked = now

    def facts(self) -> dict:
        """For a checkpoint: seconds of training, and of waiting, so far."""
        return {"spent": self.spent, "waited": self.batches.waited}

    def resume(self, state: State) -> None:
        """Take up what a checkpoint holds."""
        self.spent, self.batches.waited = state.facts["waiting"]["spent"], state.facts["waiting"]["waited"]
