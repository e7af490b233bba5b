"""Less arithmetic: what `cifar10-fast` takes beside `cifar10` and beside a network of arXiv:2404.00498 in PyTorch.

    python benchmarks/fast.py steps                               # four minutes; needs torch
    RESIDUAL_DATA=FOLDER python benchmarks/fast.py train cifar10 cifar10-fast --seeds 0 1 2
    RESIDUAL_DATA=FOLDER python benchmarks/fast.py train signs signs-fast --data signs
    RESIDUAL_DATA=FOLDER python benchmarks/fast.py memory cifar10 cifar10-fast

`steps` lets one training step of each take turns, each in a process of its own, and multiplies it by the steps of the
whole training. `train` runs `residual train` once for each recipe and seed, the recipes in turn; each run reads
the test images at its end, and once more in several views with --views. `memory` asks the system for the peak of a
training of two epochs. All add to
benchmarks/results/fast-PROCESSOR.json.
"""

import argparse
import csv
import itertools
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fast_tables import format_steps
from machine import machine, processor, short_name
from turns import compete, say

HERE = Path(__file__).resolve().parent
TRAIN_IMAGES, CLASSES = 45_000, 10  # of CIFAR-10, as 5,000 are set aside
PEER_BATCH, PEER_EPOCHS = 1024, 9.9  # of the published method, for 94% on the lossless pixels
STEPS = 4  # of a turn
PEER = "PyTorch, the published network, bfloat16, channels last, compiled"
RECIPES = ("cifar10", "cifar10-fast", "cifar10-wide")
WHOLE = 32  # pixels of a side


def time_steps(step) -> None:
    """Answer each line of the standard input with the milliseconds of a step, the median of some."""
    step()
    print(json.dumps({"ms": _time_step(step)}), flush=True)
    for _ in sys.stdin:
        print(json.dumps({"ms": _time_step(step)}), flush=True)


def _time_step(step) -> float:
    times = []
    for _ in range(STEPS):
        started = time.perf_counter()
        step()
        times.append(time.perf_counter() - started)
    return 1e3 * statistics.median(times)


def work_ours(name: str, side: int) -> None:
    """One step of a recipe on images of a side, as `residual train` computes it."""
    import residual  # noqa: F401  (chooses the backend)
    from residual import backend

    backend.prefer_backend()
    backend.import_keras_quietly()
    import numpy as np

    from residual.backend import accelerate
    from residual.backend.choice import choose
    from residual.data.images import Dataset, Images
    from residual.models import zoo
    from residual.training.build import build_model
    from residual.training.compile import compile_model, make_optimizer
    from residual.training.recipes import RECIPES as KNOWN

    recipe, draw = KNOWN[name], np.random.default_rng(0)
    x = draw.integers(0, 256, (recipe.batch_size, WHOLE, WHOLE, 3)).astype(np.uint8)
    images = Images(x, np.arange(recipe.batch_size) % CLASSES)
    small = x[:, :side, :side]
    data = Dataset("step", images, images, tuple(map(str, range(CLASSES))), "random images")
    model, steps = (
        build_model(data, zoo.find_spec(recipe.model), recipe),
        -(-TRAIN_IMAGES // recipe.batch_size),
    )
    choice = choose(model, recipe.batch_size, make_optimizer(recipe, steps))
    y = np.eye(CLASSES, dtype=np.float32)[images.y]
    with accelerate.accelerated(model, choice):
        compile_model(model, recipe, steps, choice)
        model.input_spec = None  # as for a training whose images grow
        time_steps(lambda: model.train_on_batch(small, y))


def work_peer() -> None:
    """One step of the published network and method in PyTorch, as well as it runs on a CPU."""
    import torch
    from fast_peer import group_weights, make_network
    from torch import nn

    model = make_network().train()
    compiled = torch.compile(model)
    optimizer = torch.optim.SGD(group_weights(model), momentum=0.85, nesterov=True)
    x = torch.randn(PEER_BATCH, 3, 32, 32).to(memory_format=torch.channels_last)
    y = torch.arange(PEER_BATCH) % CLASSES
    loss = nn.CrossEntropyLoss(label_smoothing=0.2, reduction="sum")

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            outputs = compiled(x) / 9
        optimizer.zero_grad(set_to_none=True)
        loss(outputs.float(), y).backward()
        optimizer.step()

    step()
    time_steps(step)


def count_steps(name: str) -> tuple[int, dict[int, int]]:
    """Images of a step, and the steps of the whole training by the side of the images."""
    if name == PEER:
        return PEER_BATCH, {WHOLE: math.ceil(PEER_EPOCHS * (TRAIN_IMAGES // PEER_BATCH))}
    from residual.training.recipes import RECIPES as KNOWN
    from residual.training.sides import list_starts

    recipe = KNOWN[name]
    starts = list_starts(recipe, WHOLE)
    ends = [start for start, _ in starts[1:]] + [recipe.epochs]
    an_epoch = -(-TRAIN_IMAGES // recipe.batch_size)
    steps: dict[int, int] = {}
    for (start, side), end in zip(starts, ends, strict=True):
        steps[side or WHOLE] = steps.get(side or WHOLE, 0) + an_epoch * (end - start)
    return recipe.batch_size, steps


def run_steps(turns: int) -> dict:
    """Let a step of each take turns; the record, and the table on the way."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    contenders = [(name, side) for name in (*RECIPES, PEER) for side in count_steps(name)[1]]
    commands = {
        f"{name} {side}": (
            [sys.executable, str(HERE / "fast.py"), "work", name, "--side", str(side)],
            environment,
        )
        for name, side in contenders
    }
    found = compete(commands, turns, limit=300)
    rows = {}
    for name in (*RECIPES, PEER):
        batch, steps = count_steps(name)
        keys = {side: f"{name} {side}" for side in steps}
        if set(keys.values()) <= set(found.ms):  # else it could not be started, as said above
            ms = {str(side): found.ms[key] for side, key in keys.items()}
            rows[name] = {"batch": batch, "steps": {str(side): n for side, n in steps.items()}, "ms": ms}
    say(format_steps(rows))
    return rows


def run_trainings(
    recipes: list[str], data: str, seeds: list[int], views: str | None, more: list[str]
) -> None:
    """Train each recipe with each seed, in turn, and add what each run reached, and in what time, to the results."""
    environment = make_absolute()
    data, *recipes = (str(Path(name).resolve()) if Path(name).exists() else name for name in (data, *recipes))
    with tempfile.TemporaryDirectory() as room:
        for seed in seeds:
            for recipe in recipes:
                name = f"{Path(recipe).stem}-{seed}"
                command = [
                    "residual",
                    "train",
                    data,
                    "--recipe",
                    recipe,
                    "--seed",
                    str(seed),
                    "--name",
                    name,
                    *more,
                ]
                peak = measure_peak(command, room, environment)
                if views:
                    command = ["residual", "evaluate", name, "--views", views]
                    subprocess.run(command, cwd=room, env=environment, check=True, stdout=subprocess.DEVNULL)
                folder = Path(room) / "runs" / name
                report = json.loads((folder / "report.json").read_text())
                row = {
                    "recipe": Path(recipe).stem,
                    "seed": seed,
                    "validation": report["validation"],
                    "test": report["test"],
                }
                row |= {
                    key: report[key] for key in ("training_seconds", "total_seconds", "epochs", "precision")
                }
                kept = ("n", "correct", "accuracy", "interval", "with_views")
                row["test"] = {key: row["test"][key] for key in kept}
                row["peak_mib"] = peak
                say(json.dumps(row))
                row["curve"] = read_curve(folder / "log.csv")
                add_row(f"train-{Path(data).stem}", row)


def measure_peak(command: list[str], folder: str, environment: dict[str, str]) -> int:
    """Run a command; the most memory that its process held, in MiB. CalledProcessError if it fails."""
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return round(usage.ru_maxrss / 1024)


def run_memory(recipes: list[str], data: str, epochs: int) -> dict:
    """The peak memory of a short training with each recipe, in MiB, by recipe."""
    peaks = {}
    for recipe in recipes:
        command = ["residual", "train", data, "--recipe", recipe, "--epochs", str(epochs), "--name", "memory"]
        with tempfile.TemporaryDirectory() as room:
            peaks[recipe] = measure_peak([*command, "--no-report"], room, make_absolute())
        say(f"{recipe}: {peaks[recipe]:,} MiB")
    return {"epochs": epochs, "peak_mib": peaks}


def make_absolute() -> dict[str, str]:
    """The environment for a process in another folder, in which RESIDUAL_DATA names the same folder."""
    found = os.environ.get("RESIDUAL_DATA")
    return {**os.environ} | ({} if found is None else {"RESIDUAL_DATA": str(Path(found).resolve())})


def read_curve(log: Path) -> list[list[float]]:
    """The validation accuracy after each epoch, as pairs [seconds since the first epoch began, accuracy]."""
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    ends = itertools.accumulate(float(row["seconds"]) for row in rows)
    return [[round(end, 1), float(row["val_accuracy"])] for end, row in zip(ends, rows, strict=True)]


def add_result(kind: str, value) -> None:
    """Add to the results of this processor, in place of what was there."""
    path, record = _find_results(), _read_results()
    record[kind] = {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "rows": value}
    path.write_text(json.dumps(record, indent=1) + "\n")


def add_row(kind: str, row: dict) -> None:
    """Add a row to the results of this processor; it replaces one of the same recipe and seed."""
    key = [row.get(name) for name in ("recipe", "seed")]
    rows = [one for one in read_rows(kind) if [one.get(name) for name in ("recipe", "seed")] != key]
    add_result(kind, [*rows, row])


def read_rows(kind: str) -> list[dict]:
    """The rows of a kind in the results of this processor; [] if there are none."""
    return _read_results().get(kind, {}).get("rows", [])


def _find_results() -> Path:
    return HERE / "results" / f"fast-{short_name(processor())}.json"


def _read_results() -> dict:
    path = _find_results()
    return json.loads(path.read_text()) if path.exists() else {}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    steps = kinds.add_parser("steps", help="one step of each, in turns")
    steps.add_argument("--turns", type=int, default=5)
    train = kinds.add_parser("train", help="whole trainings")
    train.add_argument("recipes", nargs="+")
    train.add_argument("--data", default="cifar10")
    train.add_argument("--seeds", type=int, nargs="+", default=[0])
    train.add_argument(
        "--views", choices=["mirror", "shift"], help="of each test image, scored beside the network"
    )
    train.add_argument("--size", help="pixels that photos are scaled to")
    train.add_argument("--validation", help="share of the training images set aside; 0.1 if not given")
    memory = kinds.add_parser("memory", help="peak memory of short trainings")
    memory.add_argument("recipes", nargs="+")
    memory.add_argument("--data", default="cifar10")
    memory.add_argument("--epochs", type=int, default=2)
    work = kinds.add_parser("work", help="a contender, started by steps")
    work.add_argument("name", choices=[*RECIPES, PEER])
    work.add_argument("--side", type=int, default=WHOLE)
    asked = parser.parse_args()
    if asked.kind == "work":
        work_peer() if asked.name == PEER else work_ours(asked.name, asked.side)
    elif asked.kind == "steps":
        add_result("steps", run_steps(asked.turns))
    elif asked.kind == "memory":
        add_result(f"memory-{asked.data}", run_memory(asked.recipes, asked.data, asked.epochs))
    else:
        given = (("--size", asked.size), ("--validation", asked.validation))
        more = [word for option, value in given if value is not None for word in (option, value)]
        run_trainings(asked.recipes, asked.data, asked.seeds, asked.views, more)


if __name__ == "__main__":
    main()
