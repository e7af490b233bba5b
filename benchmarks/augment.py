"""Milliseconds that each augmentation takes per batch of uint8 images.

    python benchmarks/augment.py            # under a minute on two cores

All augmentations run interleaved in one process on the same random images, in three shapes of batch. Prints a
Markdown table of medians with the middle half of the measurements, and writes benchmarks/augment.json.
"""

import json
import os
import platform
import statistics
import time
from pathlib import Path

import numpy as np

from residual.augment import (
    Affine,
    CutMix,
    Cutout,
    Flip,
    Light,
    Mixup,
    RandAugment,
    ResizedCrop,
    Shift,
    apply_augmentations,
)

ROUNDS, CLASSES = 41, 10
SHAPES = ((128, 32, 32, 3), (32, 64, 64, 3), (32, 128, 128, 3))
CHANGES = {
    "Flip()": (Flip(),),
    "Shift(4)": (Shift(4),),
    "Light(0.2, 0.2)": (Light(0.2, 0.2),),
    "Affine(20, 0.2, 0.1)": (Affine(20, 0.2, 0.1),),
    "ResizedCrop()": (ResizedCrop(),),
    "Cutout(8)": (Cutout(8),),
    "RandAugment(2, 9)": (RandAugment(2, 9),),
    "Mixup(0.2)": (Mixup(0.2),),
    "CutMix(1)": (CutMix(1),),
    "Shift, Flip, RandAugment, Cutout, Mixup": (Shift(4), Flip(), RandAugment(2, 9), Cutout(8), Mixup(0.2)),
}


def main() -> None:
    """Measure, print, write the JSON."""
    rows: dict[str, dict] = {name: {} for name in CHANGES}
    for shape in SHAPES:
        for name, seconds in measured(shape).items():
            low, middle, high = (round(1e3 * value, 2) for value in statistics.quantiles(seconds, n=4))
            rows[name]["x".join(map(str, shape))] = {"median_ms": middle, "middle_half_ms": [low, high]}
    print_table(rows)
    machine = {
        "processor": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
    record = {"n": ROUNDS, "machine": machine, "rows": rows}
    Path(__file__).with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")


def measured(shape: tuple[int, ...]) -> dict[str, list[float]]:
    """Seconds of every augmentation in every round; the order within a round is drawn anew."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, shape, dtype=np.uint8)
    y = np.eye(CLASSES, dtype=np.float32)[rng.integers(0, CLASSES, len(x))]
    seconds: dict[str, list[float]] = {name: [] for name in CHANGES}
    for round_ in range(ROUNDS + 2):
        for name in rng.permutation(list(CHANGES)):
            started = time.perf_counter()
            apply_augmentations(x, y, CHANGES[name], rng)
            if round_ >= 2:  # the first rounds warm up
                seconds[name].append(time.perf_counter() - started)
    return seconds


def print_table(rows: dict[str, dict]) -> None:
    """As Markdown: medians, and the middle half in brackets."""
    print("| ms per batch |", " | ".join(" x ".join(map(str, shape)) for shape in SHAPES), "|")
    print("|---|" + "---|" * len(SHAPES))
    for name, values in rows.items():
        cells = (
            "{median_ms:.2f} ({middle_half_ms[0]:.2f}-{middle_half_ms[1]:.2f})".format(**value)
            for value in values.values()
        )
        print(f"| {name} |", " | ".join(cells), "|")


def processor() -> str:
    """The processor's name, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
