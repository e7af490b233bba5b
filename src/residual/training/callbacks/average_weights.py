"""An exponential moving average of the weights: what a training evaluates and keeps in place of the last weights.

Keras's optimizers have `use_ema`. It is not used here, because it reads and writes every weight at each step, puts the
averages into the model at the end of each `fit` (a training here consists of several), loses them with the optimizer
when stages are unfrozen, and leaves out the statistics of batch norms.

Statistics are averaged like weights. At the end of each epoch they are not recomputed for the averaged weights, as they
are at the end of the training: in the second half of the epochs that changed the accuracy by no more than chance
(docs/recipe-fields.md), and for small data it takes a third of an epoch.
"""

import keras
import numpy as np

from residual.backend.averages import Averages, assign_weights, make_averages, read_weights
from residual.runs.checkpoints import State, number_arrays

_UPDATES = 4  # in a window: weights that are a few steps apart differ little
_MOST_STEPS = 32  # between two updates


class AverageWeights(keras.callbacks.Callback):
    """Averages the weights, and the statistics of batch norms, during training.

    The model has the averages from the beginning of each validation to the end of the epoch, for the callbacks before
    this one; then it has its own weights again. It comes after all callbacks that read weights at the end of an epoch,
    and before the checkpoint.

    The average forgets its beginning, whatever the window: its nth update keeps at most n / (n + 9) of it.

    Args:
        share: of all steps that the average looks back on, above 0 and below 1.
        steps: of the whole training.

    Attributes:
        every: steps from one update to the next.
        momentum: the part of the average that an update keeps, once it has forgotten its beginning.
        updates: so far.
    """

    def __init__(self, share: float, steps: int):
        super().__init__()
        window = share * steps
        self.every = int(np.clip(round(window / _UPDATES), 1, _MOST_STEPS))
        self.momentum = max(0.0, 1 - self.every / window)
        self.updates = self._step = 0
        self._averages: Averages | None = None
        self._saved: list[np.ndarray] | None = None  # of a checkpoint, until the training begins
        self._own: list[np.ndarray] | None = (
            None  # the weights of the training while the model has the averages
        )

    def on_train_begin(self, logs=None):
        if self._saved is not None:
            self._averages, self._saved = make_averages(self.model, self._saved), None

    def on_train_batch_end(self, batch, logs=None):
        self._step += 1
        if self._step % self.every == 0:
            self._update()

    def _update(self) -> None:
        if self._averages is None:
            self._averages = make_averages(self.model, read_weights(self.model))
        else:
            kept = min(self.momentum, (self.updates + 1) / (self.updates + 10))
            self._averages.update(1 - kept)
        self.updates += 1

    def on_test_begin(self, logs=None):
        if self._averages is not None and self._own is None:
            self._own = read_weights(self.model)
            assign_weights(self.model, self._averages.read())

    def on_epoch_end(self, epoch, logs=None):
        if self._own is not None:
            assign_weights(self.model, self._own)
            self._own = None

    def arrays(self) -> dict[str, np.ndarray]:
        """For a checkpoint: the averages so far."""
        return number_arrays("average", [] if self._averages is None else self._averages.read())

    def facts(self) -> dict:
        """For a checkpoint: how many updates there were."""
        return {"updates": self.updates}

    def resume(self, state: State) -> None:
        """Take up what a checkpoint holds."""
        self._step, self.updates = state.step, state.facts["average"]["updates"]
        self._saved = state.named("average") or None
