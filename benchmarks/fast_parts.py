"""What each part of `cifar10-fast` brings: trainings without it, on a network of half the width.

    RESIDUAL_DATA=FOLDER python benchmarks/fast_parts.py --seeds 0 1 2 3 4

Each training is a process of its own: 4 epochs of CIFAR-10, validation images alone. Each seed is complete before the
next one begins. What is done is kept in benchmarks/results/fast-PROCESSOR.json, and is not done again. The differences
to the whole recipe are paired by seed. Prints Markdown.
"""

import argparse
import json
import subprocess
import sys
import tempfile

from fast import HERE, add_row, make_absolute, read_rows
from fast_tables import format_parts
from turns import say

EPOCHS, WIDTHS = 4, (32, 128, 128)
KIND = "parts-cifar10"
# What is left out -> what is changed in the recipe, and in the network.
PARTS: dict[str, tuple[dict, dict]] = {
    "nothing": ({}, {}),
    "whitened stem: a 3x3 convolution of 24 channels that is trained": ({}, {"stem": "cifar"}),
    "identity start": ({}, {"start": "random"}),
    "shortcuts": ({}, {"shortcut": "none"}),
    "max over the features: their mean": ({}, {"head_pool": "mean"}),
    "features times 1/9": ({}, {"feature_scale": 1.0}),
    "bias_rate": ({"bias_rate": 1.0}, {}),
    "label smoothing": ({"label_smoothing": 0.0}, {}),
    "alternating flip: a random one": ({"flip": "random"}, {}),
    "Muon: SGD, with a rate that rises and falls": ({"optimizer": "sgd", "schedule": "triangle"}, {}),
    "rate that falls alone: it rises and falls": ({"schedule": "triangle"}, {}),
    "average": ({"average": 0.0}, {}),
    "sizes, in as many epochs": ({"sizes": ()}, {}),
}


def work(part: str, seed: int) -> dict:
    """Train without a part; the row."""
    from msgspec.structs import replace

    import residual
    from residual.augment import Flip, Shift
    from residual.models import zoo
    from residual.training.schedules import Triangle

    changes, network = PARTS[part]
    changes = dict(changes)
    if changes.pop("flip", None):
        changes["augment"] = (Shift(2), Flip())
    if "schedule" in changes:
        changes["schedule"] = Triangle(0.8)
    recipe = replace(residual.load_recipe("cifar10-fast").in_epochs(EPOCHS), **changes)
    spec = replace(
        zoo.find_spec("fast-resnet8"), name="fast-resnet8-half", widths=WIDTHS, outputs=(), **network
    )
    run = residual.train(
        "cifar10",
        model=spec,
        recipe=recipe,
        seed=seed,
        engine=False,
        report=False,
        progress=False,
        name="part",
    )
    found = run.report["validation"]
    row = {"recipe": part, "seed": seed, "n": found["n"], "accuracy": found["accuracy"]}
    return row | {"seconds": run.report["training_seconds"], "precision": run.report["precision"]}


def train_parts(seeds: list[int]) -> None:
    """Train what is not done yet."""
    done = {(row["recipe"], row["seed"]) for row in read_rows(KIND)}
    for seed in seeds:
        for part in PARTS:
            if (part, seed) in done:
                continue
            with tempfile.TemporaryDirectory() as room:
                command = [sys.executable, str(HERE / "fast_parts.py"), "--part", part, "--seed", str(seed)]
                environment = {**make_absolute(), "TF_CPP_MIN_LOG_LEVEL": "3"}
                output = subprocess.run(
                    command, cwd=room, env=environment, check=True, stdout=subprocess.PIPE, text=True
                )
            row = json.loads(output.stdout.splitlines()[-1])
            say(json.dumps(row))
            add_row(KIND, row)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="at most five in all")
    parser.add_argument("--part", choices=list(PARTS), help="train without this part, here")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    if asked.part:
        print(json.dumps(work(asked.part, asked.seed)))
        return
    train_parts(asked.seeds)
    say(format_parts([row for row in read_rows(KIND) if row["recipe"] in PARTS]))


if __name__ == "__main__":
    main()
