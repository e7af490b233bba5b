"""What several devices cost on one processor: a training step by one device, by one in a group, and by two.

    KERAS_BACKEND=jax python benchmarks/devices.py --network cifar-resnet20 --size 32 --batch 64 --out FILE.json

One process takes all the ways in turns, so that other work on the machine hits them alike. JAX divides the processor
into two devices; a single device uses all of its cores too. A turn is an epoch of a few steps of Keras's `fit` with the
batches of the training; its first step is left out.
"""

import argparse
import contextlib
import json
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from machine import machine, short_name

WAYS = {"one device": 0, "a group of one": 1, "two devices": 2}


def make_way(devices: int, network: str, side: int, batch: int, steps: int):
    """A function that trains an epoch and returns the seconds of each step after the first."""
    import jax
    import keras
    import numpy as np

    from residual import backend
    from residual.backend.distribution import Group
    from residual.data.images import Images
    from residual.models.build import build_network
    from residual.models.zoo import resolve_spec
    from residual.training.batches import Batches
    from residual.training.compile import compile_model
    from residual.training.distribution import make_ready, place_variables
    from residual.training.recipe import Recipe
    from residual.training.schedules import Constant

    class Clock(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.ends = []

        def on_train_batch_end(self, batch, logs=None):
            float(logs["loss"])  # as `StopOnNan` reads it
            self.ends.append(time.perf_counter())

    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (batch * steps, side, side, 3)).astype(np.uint8)
    images = Images(x, np.arange(len(x)) % 10)
    recipe = Recipe("bench", "", network, 100, batch, "sgd", Constant(0.01))
    group = Group(jax.devices()[:devices]) if devices else None
    backend.set_seeds(0)
    with group.use() if group else contextlib.nullcontext():
        batches = Batches(images, 10, batch)
        with place_variables():
            model = build_network(resolve_spec(network), (side, side, 3), 10, keras.layers.Rescaling(1 / 255))
            compile_model(model, recipe, steps)
        make_ready(model)
    clock = Clock()

    def take_turn() -> list[float]:
        with group.use() if group else contextlib.nullcontext():
            model.fit(batches, epochs=1, shuffle=False, verbose=0, callbacks=[clock])
        return [b - a for a, b in zip(clock.ends, clock.ends[1:], strict=False)]

    return take_turn


def summarize(seconds: dict[str, list[float]], batch: int) -> dict:
    """Median step, images per second, and the rate of each way as a share of that of one device."""
    first = statistics.median(seconds["one device"])
    return {
        way: {
            "median_step_ms": round(1000 * statistics.median(values), 2),
            "fastest_step_ms": round(1000 * min(values), 2),
            "images_per_second": round(batch / statistics.median(values), 1),
            "rate_to_one_device": round(first / statistics.median(values), 4),
            "fastest_rate_to_one_device": round(min(seconds["one device"]) / min(values), 4),
            "steps": len(values),
        }
        for way, values in seconds.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", default="cifar-resnet20")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=6, help="of a turn")
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument("--prepare", action="store_true", help="compile, and wait for Enter before the turns")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    if os.environ.get("KERAS_BACKEND") != "jax":
        parser.error("set KERAS_BACKEND=jax: only JAX trains on several devices")
    import jax

    jax.config.update("jax_num_cpu_devices", 2)
    take_turn = {
        way: make_way(devices, asked.network, asked.size, asked.batch, asked.steps)
        for way, devices in WAYS.items()
    }
    for turn in take_turn.values():
        turn()
    if asked.prepare:
        input("ready\n")
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(asked.turns):
        for way in list(WAYS)[:: 1 if number % 2 else -1]:
            seconds[way] += take_turn[way]()
    facts = machine()
    asked_for = {"network": asked.network, "size": asked.size, "batch": asked.batch, "precision": "float32"}
    found = {"machine": facts, **asked_for, "ways": summarize(seconds, asked.batch)}
    text = json.dumps(found, indent=1) + "\n"
    out = asked.out or Path(__file__).parent / "results" / f"devices-{short_name(facts)}.json"
    out.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
