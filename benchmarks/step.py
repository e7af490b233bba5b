"""One training step of the course's ResNet-50 (64x64, batch 32): as the notebooks run it, and as `residual train` does.

    python benchmarks/step.py            # about two minutes on two cores

Both run in one process, interleaved, on the same random images: stock Keras `compile` with Adam, as the notebooks
write it, beside this package's compile options with the same optimizer and with the default recipe's. Prints
medians with the middle half of the measurements, and writes benchmarks/step.json.
"""

import json
import platform
import statistics
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from residual import kernels

kernels.prefer_backend()
kernels.import_keras_quietly()

import keras

from residual import zoo
from residual.data.batches import Batches
from residual.data.images import Dataset, Images
from residual.networks import network
from residual.training import recipes, trainer

ROUNDS, STEPS, BATCH = 12, 4, 32


def stock(data: Dataset) -> keras.Model:
    """The notebooks' way: Keras's own compile defaults."""
    model = network(zoo.spec("course-resnet50"), (64, 64, 3), 6, keras.layers.Rescaling(1 / 255))
    model.compile(
        optimizer=keras.optimizers.Adam(1.5e-4), loss="categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def ours(data: Dataset, recipe) -> keras.Model:
    """What `residual train` compiles."""
    return trainer.compiled(data, zoo.spec("course-resnet50"), recipe, steps=27)


def main() -> None:
    """Measure, print, write the JSON."""
    rng = np.random.default_rng(0)
    images = Images(
        rng.integers(0, 256, (BATCH * STEPS, 64, 64, 3)).astype(np.uint8), np.arange(BATCH * STEPS) % 6
    )
    data = Dataset("random", images, images, tuple("012345"), "random pixels", images)
    adam = replace(recipes.NOTEBOOK_A, name="adam")
    contenders = {
        "stock Keras fit, Adam": (stock(data), ()),
        "residual, Adam": (ours(data, adam), ()),
        "residual, default recipe with augmentation": (ours(data, recipes.SIGNS), recipes.SIGNS.augment),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for round_ in range(ROUNDS + 1):
        for name, (model, augment) in contenders.items():
            batches = Batches(images, 6, BATCH, augment)
            started = time.perf_counter()
            model.fit(batches, epochs=1, verbose=0)
            if round_:  # the first round compiles
                seconds[name].append((time.perf_counter() - started) / STEPS)
    report(seconds)


def report(seconds: dict[str, list[float]]) -> None:
    """Print a table and write step.json."""
    base = statistics.median(seconds["stock Keras fit, Adam"])
    rows = {}
    for name, values in seconds.items():
        low, middle, high = statistics.quantiles(values, n=4)
        rows[name] = {
            "median_ms": round(middle * 1e3),
            "middle_half_ms": [round(low * 1e3), round(high * 1e3)],
        }
        ratio = statistics.median(values) / base
        print(f"{name:44} {middle * 1e3:5.0f} ms  ({low * 1e3:.0f}-{high * 1e3:.0f})  {ratio:.2f} of stock")
    machine = {"processor": platform.processor() or platform.machine(), **kernels.versions()}
    record = {"n": ROUNDS, "steps_per_measurement": STEPS, "machine": machine, "rows": rows}
    Path(__file__).with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
