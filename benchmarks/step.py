"""One training step, ours beside what else there is: milliseconds and peak memory.

    pip install -r benchmarks/requirements.txt
    python benchmarks/step.py resnet50      # 64x64, batch 32, Adam; about eight minutes on two cores
    python benchmarks/step.py resnet20      # 32x32, batch 128, Adam; about five minutes
    python benchmarks/step.py resnet20 --without "Keras on JAX" "Keras on torch"      # the slow ones left out

Every contender runs in a process of its own, so that its peak memory is its own; the processes take turns, a few steps
each, so that what else the machine does falls on all alike. Timed is a step amid an epoch, after a second of rest:
from the end of the turn's second step to the end of its last. Keras runs `fit` on images in memory; PyTorch is a loop
written by hand: channels last, fused Adam, float32 and bfloat16 autocast, with and without `torch.compile`. All train
the same network on the same random images. Prints a Markdown table and writes benchmarks/step-NAME.json.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS, STEPS = 7, 8
WARM = 2  # steps of a turn before the clock starts
REST = 1.0  # seconds between turns: threads of the one before may spin a while
CASES = {"resnet50": ("course-resnet50", 64, 32, 6), "resnet20": ("cifar-resnet20", 32, 128, 10)}
CONTENDERS = {
    "residual, precision by its probe": ("ours", "tensorflow", "auto"),
    "residual, float32": ("ours", "tensorflow", "float32"),
    "Keras on TensorFlow, as it comes": ("stock", "tensorflow", "float32"),
    "Keras on TensorFlow, no XLA": ("stock-no-xla", "tensorflow", "float32"),
    "Keras on TensorFlow, no XLA, mixed_bfloat16": ("stock-no-xla", "tensorflow", "mixed_bfloat16"),
    "Keras on torch": ("stock", "torch", "float32"),
    "Keras on JAX": ("stock", "jax", "float32"),
    "PyTorch, float32": ("torch", "", "float32"),
    "PyTorch, bfloat16": ("torch", "", "bfloat16"),
    "PyTorch, bfloat16, compiled": ("torch-compiled", "", "bfloat16"),
}


def machine() -> dict:
    """Where figures were measured: processor, cores, versions, date."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"date": time.strftime("%Y-%m-%d"), "system": platform.platform(), "cores": os.cpu_count()}
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        facts = dict(
            line.split(":", 1) for line in cpuinfo.read_text().split("\n\n")[0].splitlines() if ":" in line
        )
        facts = {name.strip(): value.strip() for name, value in facts.items()}
        found["processor"] = (
            f"{facts.get('model name')}, family {facts.get('cpu family')} model {facts.get('model')}"
        )
        found["bfloat16 instructions"] = "avx512_bf16" in facts.get("flags", "")
    for package in ("keras", "tensorflow_cpu", "tensorflow", "torch", "jax", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def batch(size: int, n: int, classes: int):
    """Random uint8 images and one-hot labels."""
    import numpy as np

    x = np.random.default_rng(0).integers(0, 256, (n, size, size, 3)).astype("uint8")
    return x, np.eye(classes, dtype="float32")[np.arange(n) % classes]


def ours(case: str, precision: str):
    """`residual train`'s network, compiled as it compiles it; batches by its own pipeline."""
    import keras
    import numpy as np

    from residual import zoo
    from residual.data.images import Images
    from residual.kernels import compile_options, hot_path
    from residual.kernels.precision import choose
    from residual.networks import network
    from residual.training.batches import Batches

    name, size, n, classes = CASES[case]
    x, _ = batch(size, n, classes)
    model = network(zoo.spec(name), (size, size, 3), classes, keras.layers.Rescaling(1 / 255))
    chosen, _ = choose(precision)
    context = hot_path.accelerated(model, chosen)
    context.__enter__()
    optimizer = hot_path.fused(keras.optimizers.Adam(1e-4))
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"], **compile_options())
    images = Images(np.concatenate([x] * STEPS), np.arange(n * STEPS) % classes)
    batches = Batches(images, classes, n)
    return timed_fit(model, batches, shuffle=False), context


def stock(case: str, policy: str, xla: bool = True):
    """Stock Keras."""
    import keras

    from residual import zoo
    from residual.networks import network

    name, size, n, classes = CASES[case]
    x, y = batch(size, n * STEPS, classes)
    keras.mixed_precision.set_dtype_policy(policy)
    model = network(zoo.spec(name), (size, size, 3), classes, keras.layers.Rescaling(1 / 255))
    options = {} if xla else {"jit_compile": False}
    model.compile(keras.optimizers.Adam(1e-4), "categorical_crossentropy", metrics=["accuracy"], **options)
    return timed_fit(model, x, y, batch_size=n), model


def timed_fit(model, *data, **options):
    """A function that fits one epoch, and returns milliseconds per step after the first."""
    import keras

    ends: list[float] = []
    clock = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: ends.append(time.perf_counter())
    )

    def run() -> float:
        ends.clear()
        model.fit(*data, epochs=1, verbose=0, callbacks=[clock], **options)
        return (ends[-1] - ends[WARM - 1]) / (len(ends) - WARM) * 1e3

    return run


def by_hand(case: str, precision: str, compiled: bool = False):
    """The same network and loop in PyTorch."""
    import torch
    from torch_networks import NETWORKS

    _, size, n, classes = CASES[case]
    torch.set_num_threads(os.cpu_count())
    model = NETWORKS[case](classes).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), 1e-4, fused=True)
    loss_of = torch.nn.CrossEntropyLoss()
    forward = torch.compile(model) if compiled else model
    x, y = (torch.from_numpy(array) for array in batch(size, n, classes))

    def run() -> float:
        ends = []
        for _ in range(STEPS):
            pixels = x.permute(0, 3, 1, 2).float() / 255
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                logits = forward(pixels)
            loss = loss_of(logits.float(), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            loss.item()  # as Keras tells the loss of every step
            ends.append(time.perf_counter())
        return (ends[-1] - ends[WARM - 1]) / (len(ends) - WARM) * 1e3

    return run, model


def work(case: str, name: str) -> None:
    """A contender's process: a first round, then one for each line of standard input."""
    kind, backend, precision = CONTENDERS[name]
    if backend:
        os.environ["KERAS_BACKEND"] = backend
        from residual import kernels

        if kind == "ours":
            kernels.prefer_backend()
        kernels.import_keras_quietly()
    make = {
        "ours": ours,
        "stock": stock,
        "stock-no-xla": lambda case, policy: stock(case, policy, xla=False),
        "torch": by_hand,
        "torch-compiled": lambda case, precision: by_hand(case, precision, compiled=True),
    }[kind]
    run, _kept = make(case, precision)
    run()
    run()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(run(), peak_mib(), flush=True)
    os._exit(0)  # some backends are slow to leave


def peak_mib() -> float:
    """Most memory that this process has held, in MiB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(case: str, left_out: list[str]) -> None:
    """Start all contenders but those left out, let them take turns, print the table, write the JSON."""
    command = [sys.executable, __file__, case]
    workers, pipe = {}, subprocess.PIPE
    for name in (name for name in CONTENDERS if name not in left_out):
        worker = subprocess.Popen([*command, name], stdin=pipe, stdout=pipe, text=True)
        answer = worker.stdout.readline().strip()
        if answer == "ready":
            workers[name] = worker
        else:
            print(f"{name}: does not run here, left out", flush=True)
    times: dict[str, list[float]] = {name: [] for name in workers}
    memory = {}
    for _ in range(ROUNDS):
        for name, worker in workers.items():
            time.sleep(REST)
            worker.stdin.write("go\n")
            worker.stdin.flush()
            milliseconds, memory[name] = map(float, worker.stdout.readline().split())
            times[name].append(milliseconds)
    for worker in workers.values():
        worker.stdin.close()
    report(case, times, memory)


def report(case: str, times: dict[str, list[float]], memory: dict[str, float]) -> None:
    """Print the Markdown table and write the JSON."""
    peers = {name: statistics.median(ms) for name, ms in times.items() if not name.startswith("residual")}
    fastest = min(peers, key=peers.__getitem__)
    rows = {}
    print(
        f"\n| {case} | ms a step (middle half) | of the fastest peer | peak memory |\n| --- | --- | --- | --- |"
    )
    for name, ms in times.items():
        low, middle, high = statistics.quantiles(ms, n=4)
        ratio = statistics.median(a / b for a, b in zip(ms, times[fastest], strict=True))
        rows[name] = {"ms": ms, "median_ms": middle, "ratio_to_fastest_peer": ratio, "peak_mib": memory[name]}
        bold = "**" if name == next(iter(times)) else ""
        figures = (
            f"{middle:.0f} ({low:.0f}-{high:.0f}) | {bold}{ratio:.2f}{bold} | {memory[name] / 1024:.1f} GiB"
        )
        print(f"| {name} | {figures} |")
    record = {"machine": machine(), "rounds": ROUNDS, "steps": STEPS, "fastest_peer": fastest, "rows": rows}
    Path(__file__).with_name(f"step-{case}.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[2] in CONTENDERS:
        work(*sys.argv[1:])
    elif len(sys.argv) > 1 and sys.argv[1] in CASES:
        main(sys.argv[1], sys.argv[3:] if sys.argv[2:3] == ["--without"] else [])
    else:
        sys.exit(f"Name one of {', '.join(CASES)}.")
