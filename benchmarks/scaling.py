"""What a training step costs against depth, width and image size: milliseconds, peak memory and how they grow.

    python benchmarks/scaling.py        # about four minutes on two cores

One process for each network, so that its peak memory is its own; each trains as `residual train` does, in the precision
that the probe chooses, on random images. The growth is the slope of a straight line through the logarithms: 1 is in
proportion, 2 with the square. Memory is what the process holds above that of the smallest row of its table. Prints
Markdown tables and writes benchmarks/scaling.json. (Memory against the number of images: benchmarks/images_on_disk.py.)
"""

import json
import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from machine import machine, peak_mib

STEPS = 6
# Title, what x is, and the rows: (x, network, pixels a side, images in a batch).
TABLES = (
    (
        "Depth: cifar-resnet, 32x32, batch 32",
        "layers",
        [(d, f"cifar-resnet{d}", 32, 32) for d in (20, 56, 110, 164, 326, 1202)],
    ),
    (
        "Width: wide-resnet16, 32x32, batch 32",
        "times as wide",
        [(k, f"wide-resnet16-{k}", 32, 32) for k in (1, 2, 4, 8)],
    ),
    (
        "Image size: resnet18, batch 16",
        "pixels a side",
        [(size, "resnet18", size, 16) for size in (32, 64, 96, 128, 160, 224)],
    ),
)


def work(network_name: str, size: int, n: int) -> None:
    """One network's process: prints median milliseconds of a step, their quartiles and the peak memory."""
    from residual import backend

    backend.prefer_backend()
    backend.import_keras_quietly()
    import keras
    import numpy as np

    from residual.backend import accelerate, compile_options
    from residual.backend.choice import choose
    from residual.models import zoo
    from residual.models.build import build_network, raise_recursion_limit

    optimizer = keras.optimizers.SGD(0.01, momentum=0.9)
    with raise_recursion_limit():
        model = build_network(
            zoo.find_spec(network_name), (size, size, 3), 10, keras.layers.Rescaling(1 / 255)
        )
        choice = choose(model, n, optimizer)
        with accelerate.accelerated(model, choice):
            fused = accelerate.fused(optimizer, choice, model)
            model.compile(fused, "categorical_crossentropy", **compile_options())
            x = np.random.default_rng(0).integers(0, 256, (n, size, size, 3)).astype("uint8")
            y = np.eye(10, dtype="float32")[np.arange(n) % 10]
            model.train_on_batch(x, y)
            times = []
            for _ in range(STEPS):
                started = time.perf_counter()
                model.train_on_batch(x, y)
                times.append((time.perf_counter() - started) * 1e3)
    low, middle, high = statistics.quantiles(times, n=4)
    print(
        json.dumps(
            {"ms": middle, "middle_half": [low, high], "peak_mib": peak_mib(), "precision": choice.precision}
        ),
        flush=True,
    )
    os._exit(0)


def measured(arguments) -> dict:
    """The row of one network, from a process of its own."""
    command = [sys.executable, __file__, *map(str, arguments)]
    found = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(found.stdout.splitlines()[-1])


def growth(xs, ys) -> float:
    """Slope of log y against log x, least squares."""
    a, b = [math.log(x) for x in xs], [math.log(y) for y in ys]
    centre = statistics.mean(a)
    return sum((p - centre) * q for p, q in zip(a, b, strict=True)) / sum((p - centre) ** 2 for p in a)


def main() -> None:
    """Measure all rows, print the tables, write the JSON."""
    tables = []
    for title, axis, rows in TABLES:
        found = []
        print(f"\n{title}\n\n| {axis} | ms a step (middle half) | peak memory |\n| ---: | ---: | ---: |")
        for x, *arguments in rows:
            row = {"x": x, **measured(arguments)}
            found.append(row)
            low, high = row["middle_half"]
            print(
                f"| {x} | {row['ms']:.0f} ({low:.0f}-{high:.0f}) | {row['peak_mib'] / 1024:.2f} GiB |",
                flush=True,
            )
        time_growth = growth([row["x"] for row in found], [row["ms"] for row in found])
        least = found[0]["peak_mib"]
        above = [(row["x"], row["peak_mib"] - least) for row in found[1:] if row["peak_mib"] > least + 1]
        memory_growth = growth(*zip(*above, strict=True)) if len(above) > 1 else None
        said = (
            f"memory above the first row with {memory_growth:.2f}"
            if memory_growth
            else "memory does not grow"
        )
        print(f"\nTime grows with the power {time_growth:.2f} of {axis}, {said}.")
        tables.append(
            {"title": title, "axis": axis, "rows": found, "time": time_growth, "memory": memory_growth}
        )
    record = {"machine": machine(), "steps": STEPS, "tables": tables}
    Path(__file__).with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        work(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
