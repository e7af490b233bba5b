"""The best weights so far."""

import keras
import numpy as np

from residual.runs.checkpoints import State, number_arrays


class BestWeights(keras.callbacks.Callback):
    """Keeps the best weights: highest validation accuracy, then lowest validation loss.

    Args:
        keep: "best", or "last" for the weights of the last epoch.

    Attributes:
        epoch: whose weights are kept, counted from 1; 0 before the first epoch ends.
    """

    def __init__(self, keep: str):
        super().__init__()
        self.keep = keep
        self.score, self.weights, self.epoch = (-np.inf, 0.0), None, 0

    def on_epoch_end(self, epoch, logs=None):
        score = (logs["val_accuracy"], -logs["val_loss"])
        if self.keep == "last" or score >= self.score:
            self.score, self.weights, self.epoch = score, self.model.get_weights(), epoch + 1

    def restore(self, model: keras.Model) -> None:
        """Give the model its best weights back; before the first epoch ends it keeps those it has."""
        if self.weights is not None:
            model.set_weights(self.weights)

    def arrays(self) -> dict[str, np.ndarray]:
        """For a checkpoint: the best weights so far."""
        return number_arrays("best", self.weights or [])

    def facts(self) -> dict:
        """For a checkpoint: epoch and score of the best weights."""
        return {"epoch": self.epoch, "score": [float(part) for part in self.score]} if self.epoch else {}

    def resume(self, state: State) -> None:
        """Take up what a checkpoint holds."""
        if best := state.facts["best"]:
            self.epoch, self.score, self.weights = best["epoch"], tuple(best["score"]), state.named("best")
