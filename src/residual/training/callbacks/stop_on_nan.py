"""The end of a training whose loss is not finite."""

import math

import keras


class LossNotFinite(Exception):
    """Raised out of `fit` by `StopOnNan`.

    Attributes:
        epoch, batch: where, counted from 0; `batch` as Keras counts, from where the epoch was resumed.
        loss: nan, inf or -inf.
    """

    def __init__(self, epoch: int, batch: int, loss: float):
        super().__init__(f"the loss became {loss}")
        self.epoch, self.batch, self.loss = epoch, batch, loss


class StopOnNan(keras.callbacks.Callback):
    """Ends a training whose loss is not finite. It comes first: nothing of such a step is kept.

    The loss that Keras reports is the mean over the epoch so far, which stays nan or infinite from the first such
    step on.
    """

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            raise LossNotFinite(self.epoch, batch, loss)
