"""Trains with batches and steps of known duration; as a script, prints the measured shares of waiting as JSON."""

import json
import time
from types import SimpleNamespace

import keras
import numpy as np

from residual.data.images import Images
from residual.training import batches as rooms
from residual.training.batches import Batches
from residual.training.callbacks.waiting_time import WaitingTime

STEPS = 10


class Slow(keras.callbacks.Callback):
    """Makes every step take this many seconds longer."""

    def __init__(self, seconds: float):
        super().__init__()
        self.seconds = seconds

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(self.seconds)


def share(data: float, step: float) -> float:
    """What is measured where each batch takes `data` seconds to make and each step `step` and a little."""

    def slow(x, y, *_):
        time.sleep(data)
        return x, y

    images = Images(np.zeros((2 * STEPS, 4, 4, 3), np.uint8), np.arange(2 * STEPS) % 3)
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(3)])
    model.compile("sgd", "mse")
    model.fit(Batches(images, 3, 2), verbose=0)  # compiles, which is no step
    batches = Batches(images, 3, 2, (SimpleNamespace(mix_in_epoch=slow),))
    waiting = WaitingTime(batches)
    model.fit(batches, shuffle=False, verbose=0, callbacks=[Slow(step), waiting])
    assert waiting.share == batches.waited / waiting.spent
    return waiting.share


if __name__ == "__main__":
    rooms._MOST_THREADS = 1
    shares = {"all": share(0.2, 0.0), "half": share(0.2, 0.1), "none": share(0.1, 0.2)}
    print(json.dumps({"backend": keras.backend.backend(), **shares}))
