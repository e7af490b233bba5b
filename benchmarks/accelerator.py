"""One accelerator: ResNet-50 with `residual` on JAX beside PyTorch, and CIFAR-10 to an accuracy. Writes one dated JSON.

    python benchmarks/accelerator.py                                   # one card: at most eight minutes
    python benchmarks/accelerator.py --recipe cifar10-fast --data shared/data
    python benchmarks/accelerator.py --miniature                       # all of it on a CPU, in under two minutes

Three processes, one after another, so that each has the device for itself:

- residual: a `fit` of ResNet-50 at 224 pixels in bfloat16 at several batch sizes, as `residual train` sets it up, with
  images from the host. Their steps are what `cluster_model.py --rates` fits a device to.
- torch: the same network layer for layer in PyTorch, `torch.compile`, channels last, with images from the host.
- cifar10: a whole training, and the seconds from its start until the validation accuracy reaches the target.

A rate is (n - m) steps over the difference of the times of n and of m steps, so that what a `fit` costs by itself does
not count; it is the median of several turns. A part that does not end in its time is reported as such, with what it has
measured so far.

The bandwidth bound: the outputs of all convolutions, norms and dense layers are written and read once on the way
forward and read once on the way back, and their gradients are written and read once, each in the bytes of the
precision. The images a second that this takes at the bandwidth of the device, measured by a copy, are the bound.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from contenders import Case
from machine import machine, short_name

PASSES = 5  # over each output: written, read; read; gradient written, read
BYTES = {"bfloat16": 2, "float32": 4}
RESULTS = Path(__file__).with_name("results")


@dataclass(frozen=True)
class Task:
    """What is measured.

    Attributes:
        network, size, batches, classes: what is trained; the first batch is the one that is compared.
        precision: "bfloat16" or "float32".
        few, many: steps of the two fits whose difference counts.
        turns: differences that the median is taken of.
        data, search_dir, recipe, epochs, target: of the training to an accuracy; `epochs` None takes the recipe's.
        limits: seconds of each part.
    """

    network: str = "resnet50v1.5"
    size: int = 224
    batches: tuple[int, ...] = (256, 128, 64)
    classes: int = 1000
    precision: str = "bfloat16"
    few: int = 5
    many: int = 25
    turns: int = 3
    data: str = "cifar10"
    search_dir: str | None = None
    recipe: str = "default"
    epochs: int | None = None
    target: float = 0.94
    limits: tuple[int, int, int] = (190, 120, 160)


MINIATURE = Task(
    network="resnet10",
    size=32,
    batches=(8, 4),
    classes=10,
    few=2,
    many=4,
    data="digits",
    epochs=3,
    target=0.5,
    limits=(60, 60, 60),
)


def time_steps(run: Callable[[int], object], few: int, many: int, turns: int) -> list[float]:
    """Seconds of a step in each turn: the difference of two runs over the difference of their steps.

    Args:
        run: takes that number of steps and waits for the last.
        few, many: steps of the two.
        turns: how often.
    """
    run(few)  # compiles
    seconds = []
    for _ in range(turns):
        times = []
        for steps in (few, many):
            started = time.perf_counter()
            run(steps)
            times.append(time.perf_counter() - started)
        seconds.append((times[1] - times[0]) / (many - few))
    return seconds


def describe_steps(batch: int, seconds: list[float]) -> dict:
    """A row: the batch, milliseconds of a step and images a second, by the median turn."""
    median = statistics.median(seconds)
    return {
        "batch": batch,
        "ms": round(1000 * median, 3),
        "turns_ms": [round(1000 * value, 3) for value in seconds],
        "images_per_second": round(batch / median, 1),
    }


def count_bytes(outputs: int, precision: str) -> int:
    """Bytes that the training of one image moves at least.

    Args:
        outputs: numbers that all convolutions, norms and dense layers return for it.
        precision: of these numbers.
    """
    return PASSES * BYTES[precision] * outputs


def run_residual(task: Task, report: Callable[[dict], None]) -> None:
    """Steps of `residual` on JAX at each batch size, the device and its bandwidth."""
    import jax
    from step_workers import ours

    device = jax.devices()[0]
    found = {"device": f"{device.platform}: {device.device_kind}", "bandwidth": measure_bandwidth()}
    found |= {"steps": []}
    for batch in task.batches:
        case = Case(task.network, task.size, batch, "sgd", task.classes)
        with ours(case, task.precision) as (turn, facts):
            seconds = time_steps(turn, task.few, task.many, task.turns)
        found["steps"].append({**describe_steps(batch, seconds), "precision": facts["precision"]})
        report(found)
    report({**found, **count_network(task)})


def count_network(task: Task) -> dict:
    """Trainable numbers of the network, and the outputs of its layers for one image."""
    import keras
    import numpy as np

    from residual.models import zoo
    from residual.models.build import build_network

    model = build_network(zoo.find_spec(task.network), (task.size, task.size, 3), task.classes)
    kinds = (keras.layers.Conv2D, keras.layers.BatchNormalization, keras.layers.Dense)
    outputs = sum(int(np.prod(layer.output.shape[1:])) for layer in model.layers if isinstance(layer, kinds))
    return {"parameters": sum(int(np.prod(v.shape)) for v in model.trainable_variables), "outputs": outputs}


def measure_bandwidth(size: int | None = None) -> float:
    """Bytes a second that the device reads and writes, by x + 1 over an array; the fastest of ten."""
    import jax
    import jax.numpy as jnp

    size = size or (2**30 if jax.default_backend() != "cpu" else 2**26)
    x, add = jnp.zeros(size // 4, jnp.float32), jax.jit(lambda x: x + 1)
    add(x).block_until_ready()
    best = float("inf")
    for _ in range(10):
        started = time.perf_counter()
        add(x).block_until_ready()
        best = min(best, time.perf_counter() - started)
    return 2 * size / best


def run_torch(task: Task, report: Callable[[dict], None]) -> None:
    """Steps of PyTorch at the first batch size: compiled, channels last, autocast, fused SGD."""
    import torch
    from step_workers import random_images
    from torch_networks import NETWORKS

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cudnn.benchmark = True
    batch = task.batches[0]
    case = Case(task.network, task.size, batch, "sgd", task.classes)
    model = NETWORKS[task.network](task.classes).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), 1e-4, momentum=0.9, nesterov=True, fused=True)
    loss_of, forward = torch.nn.CrossEntropyLoss(), torch.compile(model)
    images, labels = (torch.from_numpy(array) for array in random_images(case, 1))
    if device == "cuda":
        images, labels = images.pin_memory(), labels.pin_memory()

    def run(steps: int) -> None:
        for _ in range(steps):
            x = images.to(device, non_blocking=True).permute(0, 3, 1, 2).float() / 255
            y = labels.to(device, non_blocking=True)
            with torch.autocast(device, torch.bfloat16, enabled=task.precision == "bfloat16"):
                logits = forward(x)
            loss = loss_of(logits.float(), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        loss.item()

    seconds = time_steps(run, task.few, task.many, task.turns)
    parameters = sum(p.numel() for p in model.parameters())
    name = torch.cuda.get_device_name() if device == "cuda" else "cpu"
    report({"device": name, "steps": [describe_steps(batch, seconds)], "parameters": parameters})


def run_cifar10(task: Task, report: Callable[[dict], None]) -> None:
    """A training: when its validation accuracy reached the target, and its test accuracy with n."""
    import csv

    import residual

    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # where the run folder is made
        run = residual.train(
            task.data,
            recipe=task.recipe,
            epochs=task.epochs,
            search_dir=task.search_dir,
            engine=False,
            report=False,
        )
        whole = time.perf_counter() - started
        run.evaluate()
        with (run.path / "log.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        record, test = run.folder.record, run.report["test"]
        facts = {"data": record.data.source, "recipe": record.recipe["name"], "network": record.network.name}
        facts |= {
            "test": {"n": test["n"], "accuracy": test["accuracy"]},
            "precision": run.report["precision"],
        }
        os.chdir("/")
    report({**facts, "seconds": round(whole, 2), "target": task.target, **find_reached(rows, task.target)})


def find_reached(rows: list[dict], target: float) -> dict:
    """The first epoch whose validation accuracy reaches the target, and the seconds of all epochs up to it."""
    seconds = 0.0
    for row in rows:
        seconds += float(row["seconds"])
        if float(row["val_accuracy"]) >= target:
            return {"reached_epoch": int(row["epoch"]), "reached_seconds": round(seconds, 2)}
    best = max((float(row["val_accuracy"]) for row in rows), default=0.0)
    return {"reached_epoch": None, "reached_seconds": None, "best_validation": best}


_CHOICES = ("network", "size", "precision", "recipe", "search_dir", "few", "many", "turns")
PARTS = {"residual": run_residual, "torch": run_torch, "cifar10": run_cifar10}


def run_part(name: str, task: Task, limit: int) -> dict:
    """What a part reports from a process of its own; what it had reported if it fails or takes too long."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "part.json"
        command = [
            sys.executable,
            __file__,
            "--part",
            name,
            "--task",
            json.dumps(asdict(task)),
            "--out",
            str(out),
        ]
        environment = {**os.environ, "KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "2"}
        if name != "residual":  # which alone measures the device in the way that JAX holds it by default
            environment.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        started = time.perf_counter()
        process = subprocess.Popen(
            command, env=environment, stderr=subprocess.PIPE, text=True, process_group=0
        )
        problem = ""
        try:
            _, errors = process.communicate(timeout=limit)
            if process.returncode:
                problem = (
                    errors.strip().splitlines()[-1] if errors.strip() else f"exit code {process.returncode}"
                )
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.communicate()
            problem = f"did not end within {limit} s"
        found = json.loads(out.read_text()) if out.is_file() else {}
        return {**found, "part_seconds": round(time.perf_counter() - started, 1), "problem": problem}


def compare(residual: dict, torch: dict, precision: str) -> dict:
    """The ratio of the rates at the first batch size, and the share of the bandwidth bound."""
    found = {}
    steps = residual.get("steps") or [{}]
    ours, theirs = steps[0].get("images_per_second"), (torch.get("steps") or [{}])[0].get("images_per_second")
    if ours and theirs:
        found["residual_to_torch"] = round(ours / theirs, 3)
    if ours and residual.get("outputs"):
        bound = residual["bandwidth"] / count_bytes(residual["outputs"], precision)
        found |= {"bound_images_per_second": round(bound, 1), "share_of_bound": round(ours / bound, 3)}
    return found


def measure(task: Task, is_miniature: bool, chosen: list[str]) -> dict:
    """The chosen parts, one after another."""
    limits = dict(zip(PARTS, task.limits, strict=True))
    parts = {name: run_part(name, task, limits[name]) if name in chosen else {} for name in PARTS}
    facts = {"machine": machine(), "miniature": is_miniature, "task": asdict(task)}
    facts |= {"parameters": parts["residual"].get("parameters")}
    return {**facts, **parts, "compared": compare(parts["residual"], parts["torch"], task.precision)}


def parse_arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--miniature", action="store_true", help="a tiny network and data set, to try the script on a CPU")
    add("--network", help="of the zoo; PyTorch takes part if torch_networks.py has it")
    add("--size", type=int, help="pixels a side")
    add("--batches", type=int, nargs="+", help="images of a step, the compared one first")
    add("--precision", choices=BYTES, help="of the steps")
    add("--recipe", help="of the training to an accuracy; default: the data's own")
    add("--data", dest="search_dir", help="the folder that holds cifar10")
    add("--name", help="of the device in the name of the result")
    add("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="what is measured; default: all")
    add("--few", type=int, help="steps of the shorter of two fits")
    add("--many", type=int, help="steps of the longer")
    add("--turns", type=int, help="how often")
    add("--part", choices=PARTS, help=argparse.SUPPRESS)
    add("--task", help=argparse.SUPPRESS)
    add("--out", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Measure, print and write; or, in a process of its own, run one part."""
    asked = parse_arguments()
    if asked.part:
        table = json.loads(asked.task)
        task = Task(**{**table, "batches": tuple(table["batches"]), "limits": tuple(table["limits"])})
        PARTS[asked.part](task, lambda found: asked.out.write_text(json.dumps(found)) and None)
        return
    chosen = {name: getattr(asked, name) for name in _CHOICES}
    chosen |= {"batches": tuple(asked.batches) if asked.batches else None}
    if asked.search_dir:
        chosen["search_dir"] = str(Path(asked.search_dir).resolve())
    task = replace(
        MINIATURE if asked.miniature else Task(), **{k: v for k, v in chosen.items() if v is not None}
    )
    record = measure(task, asked.miniature, asked.parts)
    kind = "miniature-" if asked.miniature else ""
    name = asked.name or short_name(record["machine"])
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"accelerator-{kind}{name}-{record['machine']['date']}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(record, indent=1))
    print(f"written to {path}")


if __name__ == "__main__":
    main()
