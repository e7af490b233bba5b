"""The contenders of the step benchmark; `step.py` runs each in a process of its own.

A worker gets its task as JSON, builds and compiles the network, reports "ready", and takes a turn for every line of its
standard input; if that closes, it ends. Stock workers never import `residual`, whose settings would help them: they
read the network from a JSON file of Keras's own, which a process of its own writes.
"""

import contextlib
import functools
import json
import os
import queue
import signal
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from contenders import Case, Contender
from machine import anonymous_mib, peak_mib, switches

WARM = 2  # steps of a turn before the clock starts
LEAST, MOST = 4, 200  # timed steps of a turn
TURN_SECONDS = 1.5
RATE = 1e-4
SAMPLE_SECONDS = 0.02  # between two looks at the memory


def random_images(case: Case, steps: int):
    """Random uint8 images and labels for so many steps; every step has the same."""
    import numpy as np

    x = np.random.default_rng(0).integers(0, 256, (case.batch, case.size, case.size, 3)).astype("uint8")
    return np.concatenate([x] * steps), np.tile(np.arange(case.batch) % case.classes, steps)


@contextlib.contextmanager
def ours(case: Case, precision: str):
    """What `residual train` does between its plan and its epochs; and what it chose."""
    from residual.backend import accelerate
    from residual.backend.choice import choose
    from residual.data.images import Dataset, Images
    from residual.models import zoo
    from residual.training.batches import Batches
    from residual.training.build import build_model
    from residual.training.compile import compile_model, make_optimizer
    from residual.training.recipe import Recipe
    from residual.training.schedules import Constant

    def batches(steps: int) -> tuple[Batches]:
        return (Batches(Images(*random_images(case, steps)), case.classes, case.batch),)

    facts = {"batch_size": case.batch, "optimizer": case.optimizer, "normalization": "scale"}
    recipe = Recipe("step", "", case.network, epochs=20, schedule=Constant(RATE), **facts)
    images = Images(*random_images(case, 1))
    data = Dataset("step", images, images, tuple(map(str, range(case.classes))), "random images")
    model = build_model(data, zoo.find_spec(case.network), recipe)
    choice = choose(model, case.batch, make_optimizer(recipe, MOST), precision)
    with accelerate.accelerated(model, choice):
        compile_model(model, recipe, MOST, choice)
        model.optimizer.build(
            model.trainable_variables
        )  # as the plan does: the step is then traced once, not twice
        facts = {"precision": choice.precision, "why": choice.reason, "ways": choice.answers}
        yield keras_turn(model, batches, shuffle=False), facts


@contextlib.contextmanager
def stock(case: Case, network: str):
    """Stock Keras as a user writes it, on a network that it reads from Keras's JSON."""
    import keras
    import numpy as np

    def arrays(steps: int):
        x, y = random_images(case, steps)
        return x, np.eye(case.classes, dtype="float32")[y]

    optimizer = {
        "adam": lambda: keras.optimizers.Adam(RATE),
        "sgd": lambda: keras.optimizers.SGD(RATE, momentum=0.9, nesterov=True),
    }[case.optimizer]()
    model = keras.models.model_from_json(Path(network).read_text("utf-8"))
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    yield keras_turn(model, arrays, batch_size=case.batch), {}


def keras_turn(model, data_for, **options):
    """A function of a number of steps that fits one epoch of them, and returns when each step ended."""
    import keras

    ends: list[tuple[int, float]] = []
    clock = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda step, logs: ends.append((step + 1, time.perf_counter()))
    )
    data = functools.lru_cache(1)(data_for)

    def turn(steps: int) -> list[tuple[int, float]]:
        ends.clear()
        model.fit(*data(steps), epochs=1, verbose=0, callbacks=[clock], **options)
        return list(ends)

    return turn


@contextlib.contextmanager
def by_hand(case: Case, precision: str, compiled: bool):
    """The same network and loop in PyTorch, channels last, with the fused optimizer."""
    import torch
    from torch_networks import NETWORKS

    torch.set_num_threads(os.cpu_count() or 1)
    model = NETWORKS[case.network](case.classes).to(memory_format=torch.channels_last)
    optimizer = {
        "adam": lambda: torch.optim.Adam(model.parameters(), RATE, fused=True),
        "sgd": lambda: torch.optim.SGD(model.parameters(), RATE, momentum=0.9, nesterov=True, fused=True),
    }[case.optimizer]()
    loss_of = torch.nn.CrossEntropyLoss()
    forward = torch.compile(model) if compiled else model
    x, y = (torch.from_numpy(array) for array in random_images(case, 1))

    def turn(steps: int) -> list[tuple[int, float]]:
        ends = []
        for step in range(steps):
            pixels = x.permute(0, 3, 1, 2).float() / 255
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                logits = forward(pixels)
            loss = loss_of(logits.float(), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            loss.item()  # as Keras reports the loss of every step
            ends.append((step + 1, time.perf_counter()))
        return ends

    yield turn, {}


def ms_per_step(ends: list[tuple[int, float]], warm: int = WARM) -> float:
    """Milliseconds of a step, from when steps ended: (steps done, seconds). The first `warm` steps do not count.

    If several steps run as one, only the last of them is in `ends`.
    """
    first = next(end for end in ends if end[0] >= warm)
    steps = ends[-1][0] - first[0]
    if steps < 1:
        raise ValueError(f"A turn needs more than {warm} steps; got {ends[-1][0]}.")
    return (ends[-1][1] - first[1]) / steps * 1e3


def steps_of_turn(ms: float) -> int:
    """Steps of a turn whose timed ones take about `TURN_SECONDS`, those before the clock starts included."""
    return WARM + min(MOST, max(LEAST, round(TURN_SECONDS * 1e3 / ms)))


@dataclass
class AnonymousPeak:
    """The most memory outside library files that the process is seen to hold, in MiB."""

    mib: float | None = None
    _stopped: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        now = anonymous_mib()
        if now is not None:
            self.mib = max(self.mib or 0.0, now)

    def watch(self) -> None:
        """Look again and again in the background until `stop`."""

        def looks():
            while not self._stopped.wait(SAMPLE_SECONDS):
                self.look()

        threading.Thread(target=looks, daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()


def onednn_is_on() -> bool | None:
    """Whether TensorFlow's oneDNN operations are on in this process; None without TensorFlow."""
    if "tensorflow" not in sys.modules:
        return None
    try:
        from tensorflow.python.util import _pywrap_util_port
    except ImportError:
        return None
    return bool(_pywrap_util_port.IsMklEnabled())


def work(task: dict, reply) -> None:
    """A contender's process: warm up, say so, then a turn for every command."""
    commands = read_commands()
    memory = AnonymousPeak()
    memory.watch()
    case, contender = Case(**task["case"]), Contender(**task["contender"])
    started = {
        "ours": lambda: ours(case, contender.precision),
        "keras": lambda: stock(case, task["network"]),
        "torch": lambda: by_hand(case, contender.precision, contender.compiled),
    }[contender.kind]()
    with started as (turn, chose):
        turn(WARM + 1)  # compiles
        ms = ms_per_step(turn(WARM + LEAST))
        memory.stop()
        steps = steps_of_turn(ms)
        reply(ms=ms, steps=steps, chose=chose, onednn=onednn_is_on(), environment=switches(os.environ))
        while True:
            commands.get()
            ms = ms_per_step(turn(steps))
            memory.look()
            reply(ms=ms, peak_mib=peak_mib(), anonymous_peak_mib=memory.mib)


def read_commands() -> queue.Queue:
    """The lines of standard input as they come. At its end, which is also that of the parent, the process ends."""
    lines: queue.Queue = queue.Queue()

    def read():
        for line in sys.stdin:
            lines.put(line)
        leave()

    threading.Thread(target=read, daemon=True).start()
    return lines


def leave() -> None:
    """End at once, with all processes that a compiler has started; some backends are slow to end by themselves."""
    if os.name == "posix" and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(0)


def write_networks(task: dict) -> None:
    """Write every network of the task as Keras's JSON, in its dtype policy."""
    import keras

    from residual.models import zoo
    from residual.models.build import build_network

    for row in task["networks"]:
        case = Case(**row["case"])
        keras.mixed_precision.set_dtype_policy(row["policy"])
        pixels = keras.layers.Rescaling(1 / 255)
        model = build_network(zoo.find_spec(case.network), (case.size, case.size, 3), case.classes, pixels)
        Path(row["path"]).write_text(model.to_json(), "utf-8")


def networks_task(pairs: list[tuple[Case, str]], folder: Path) -> dict:
    """The task of `write_networks`: a file in `folder` for every case and dtype policy."""
    rows = [
        {"case": asdict(case), "policy": policy, "path": str(network_path(folder, case, policy))}
        for case, policy in pairs
    ]
    return {"networks": list({row["path"]: row for row in rows}.values())}


def network_path(folder: Path, case: Case, policy: str) -> Path:
    """Where the network of a case lies in a dtype policy."""
    return folder / f"{case.network}-{case.size}-{case.classes}-{policy}.json"


def main(task: dict) -> None:
    """Do a task; answers go out as lines of JSON on what was standard output, all other output to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def reply(**facts) -> None:
        print(json.dumps(facts), file=answers, flush=True)

    try:
        if "networks" in task:
            read_commands()
            write_networks(task)
            reply(written=len(task["networks"]))
        else:
            work(task, reply)
    except Exception as error:
        reply(failed=f"{type(error).__name__}: {error}")
    leave()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
