"""Which precision trains faster on this machine."""

import time
from collections.abc import Callable

import numpy as np

from residual.backend import on_cpu, processor
from residual.errors import RecipeError

PRECISIONS = ("float32", "bfloat16")
WORTH = 1.2  # bfloat16 must be this much faster, as it rounds to 8 bits


def check_precision(asked: str) -> None:
    """Raise if the precision is unknown.

    Raises:
        RecipeError: naming those that there are.
    """
    if asked not in ("auto", *PRECISIONS):
        raise RecipeError(f"precision must be auto, {' or '.join(PRECISIONS)}; got {asked!r}.")


def choose(asked: str) -> tuple[str, str]:
    """The precision to train in on a backend or device that `choice` has no layers for, and why.

    Args:
        asked: "float32", "bfloat16", or "auto" to measure.
    """
    if asked != "auto":
        return asked, f"{asked}, as asked"
    if on_cpu() and processor.multiplies_bfloat16() is False:
        return "float32", "float32, because this processor has no instructions for bfloat16"
    chosen, gain = faster_precision()
    return chosen, f"{chosen}: a convolution in bfloat16 is {compare_speed(gain)} as in float32 here"


def compare_speed(gain: float) -> str:
    """1.8 as "1.8 times as fast", 0.07 as "15 times as slow"."""
    times, word = (gain, "fast") if gain >= 1 else (1 / gain, "slow")
    return f"{times:.1f} times as {word}" if times < 10 else f"{times:,.0f} times as {word}"


def faster_precision(repeats: int = 12) -> tuple[str, float]:
    """Measure a convolution with its gradients in float32 and bfloat16, in turns: about a second.

    Returns:
        The precision to train in, and how many times as fast bfloat16 was.
    """
    steps = {precision: _convolution(precision) for precision in PRECISIONS}
    best = dict.fromkeys(PRECISIONS, float("inf"))
    for _ in range(repeats):
        for precision, step in steps.items():
            started = time.perf_counter()
            step()
            best[precision] = min(best[precision], time.perf_counter() - started)
    gain = best["float32"] / best["bfloat16"]
    return ("bfloat16" if gain >= WORTH else "float32"), gain


def _convolution(precision: str) -> Callable:
    """A step of a 3x3 convolution, 128 to 128 channels, on 64 images of 16x16; compiled by a first call.

    Large enough that what Keras does around it, some 3 ms, does not hide the difference.
    """
    import keras

    policy = precision if precision == "float32" else f"mixed_{precision}"
    layer = keras.layers.Conv2D(128, 3, padding="same", dtype=policy)
    head = keras.layers.GlobalAveragePooling2D(dtype="float32")
    model = keras.Sequential([keras.Input((16, 16, 128)), layer, head])
    model.compile("sgd", "mse")
    x, y = np.ones((64, 16, 16, 128), "float32"), np.zeros((64, 128), "float32")

    def step():
        return model.train_on_batch(x, y)

    step()
    return step
