"""Which epoch's weights a training keeps, and why."""

import math

import keras
import numpy as np

from residual.runs.checkpoints import State, number_arrays

ERRORS = 3  # standard errors that an earlier epoch must be better by


class BestWeights(keras.callbacks.Callback):
    """Keeps the weights of one epoch, chosen on the validation images.

    A few validation images choose by chance: among 24, an epoch of the warm-up may have the most right. So "auto"
    prefers late epochs, whose learning rate is low, and goes back to an earlier one only if all after it are worse by
    more than three standard errors of an accuracy of n images. One is not enough, because the best of 20 equally good
    epochs is about two standard errors above their mean by chance alone. Measured in docs/results.md.

    Args:
        keep: "auto"; "best" for the highest validation accuracy, then the lowest loss, then the latest; or "last".
        images: how many validation images there are.

    Attributes:
        epoch: whose weights are kept, counted from 1; 0 for those that the training began with, or before the first
            epoch ends.
        seen: epochs that have ended.
    """

    def __init__(self, keep: str, images: int):
        super().__init__()
        self.keep, self.images = keep, images
        self.score, self.weights, self.epoch, self.seen = (-np.inf, 0.0), None, 0, 0

    def begin_with(self, model: keras.Model, accuracy: float, loss: float) -> None:
        """Let the weights that the training begins with take part: a head that was fitted before may be the best.

        Args:
            model: that has them now.
            accuracy, loss: of the validation images.
        """
        self.score, self.weights = (accuracy, -loss), model.get_weights()

    def on_epoch_end(self, epoch, logs=None):
        score = (logs["val_accuracy"], -logs["val_loss"])
        self.seen = epoch + 1
        if self._prefers(score):
            self.weights, self.epoch = self.model.get_weights(), epoch + 1
        self.score = max(self.score, score)

    def _prefers(self, score: tuple[float, float]) -> bool:
        """Whether an epoch of this score takes the place of the one that is kept."""
        if self.keep == "auto":
            best = max(self.score[0], score[0])
            return best - score[0] <= ERRORS * standard_error(best, self.images)
        return self.keep == "last" or score >= self.score

    def describe(self) -> str:
        """Which epoch is kept, and why; "" before the first epoch ends."""
        images = f"{self.images:,} validation image{'s' * (self.images > 1)}"
        if not self.epoch:
            why = "worse by more than chance" if self.keep == "auto" else "worse"
            before = "what the training began with, the fitted head on the trained weights"
            return f"{before}: all {self.seen} epochs were {why} ({images})" if self.seen else ""
        last = self.epoch == self.seen
        reason = {
            "auto": f"none was better by more than chance ({images})"
            if last
            else f"all after it were worse by more than chance ({images})",
            "best": f"the highest accuracy of {images}",
            "last": "the recipe keeps the last",
        }[self.keep]
        return f"epoch {self.epoch} of {self.seen}: {reason}"

    def restore(self, model: keras.Model) -> None:
        """Give the model the weights that are kept; before the first epoch ends it keeps those it has."""
        if self.weights is not None:
            model.set_weights(self.weights)

    def arrays(self) -> dict[str, np.ndarray]:
        """For a checkpoint: the weights that are kept so far."""
        return number_arrays("best", self.weights or [])

    def facts(self) -> dict:
        """For a checkpoint: the epoch that is kept, and the best score so far."""
        return {"epoch": self.epoch, "score": [float(part) for part in self.score]} if self.weights else {}

    def resume(self, state: State) -> None:
        """Take up what a checkpoint holds."""
        if best := state.facts["best"]:
            self.epoch, self.score, self.weights = best["epoch"], tuple(best["score"]), state.named("best")
            self.seen = state.facts["epoch"]


def standard_error(accuracy: float, images: int) -> float:
    """Of an accuracy measured on so many images, with two right and two wrong ones added (Agresti and Coull 1998).

    Without them it would be 0 if all images are classified correctly, however few they are.
    """
    share = (accuracy * images + 2) / (images + 4)
    return math.sqrt(share * (1 - share) / images)
