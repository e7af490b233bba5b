"""A training whose gradient is known in closed form, as `training.gradient_norm` measures it; on any backend."""

import keras
import numpy as np

from residual.training.gradient_norm import EVERY, measure_gradient, read_gradient_norm

STEPS, EPOCHS, RATE = EVERY + 4, 2, 0.02


def measure_epochs() -> tuple[list[float | None], list[float]]:
    """The norms that were measured in each epoch, and what they must be.

    Two outputs are the sum of three weights, from 0. The gradient of mean((sum - 1)^2) is sum - 1 for each of the six
    weights, so that a step of SGD multiplies it by 1 - 3 rate.
    """
    pixels = keras.Input((3,))
    outputs = keras.layers.Dense(2, use_bias=False, kernel_initializer="zeros")(pixels)
    model = keras.Model(pixels, outputs)
    model.compile(keras.optimizers.SGD(RATE), "mse", jit_compile=False)
    measure_gradient(model, STEPS)
    found: list[float | None] = []
    model.fit(
        np.ones((STEPS, 3), np.float32),
        np.ones((STEPS, 2), np.float32),
        batch_size=1,
        epochs=EPOCHS,
        verbose=0,
        callbacks=[
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: found.append(read_gradient_norm(model))
            )
        ],
    )
    steps = [[epoch * STEPS, epoch * STEPS + EVERY] for epoch in range(EPOCHS)]
    expected = [float(np.mean([np.sqrt(6) * (1 - 3 * RATE) ** step for step in pair])) for pair in steps]
    return found, expected
