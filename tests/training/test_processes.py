"""Several processes train what one trains; they end together, and resume. On JAX, which the tests start themselves."""

import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import residual

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed"),
]
SOURCE = str(Path(residual.__file__).parents[1])
QUICK = (
    "--model",
    "cifar-resnet8",
    "--batch-size",
    "16",
    "--precision",
    "float32",
    "--no-engine",
    "--no-report",
)
WAIT = 600  # seconds, on a machine that does other things too


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    """A folder with 45 images of three classes, 8x8 pixels."""
    monkeypatch.chdir(tmp_path)
    rng, labels = np.random.default_rng(0), np.arange(45) % 3
    x = (rng.integers(0, 150, (45, 8, 8, 3)) + 40 * labels[:, None, None, None]).astype(np.uint8)
    np.savez("images.npz", x_train=x, y_train=labels, x_test=x[:9], y_test=labels[:9])


def start(processes: int, *words: str) -> list[subprocess.Popen]:
    """The processes of one training, with their output in out-I and err-I."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "PYTHONPATH": os.pathsep.join(filter(None, [SOURCE, os.environ.get("PYTHONPATH")])),
        "PYTHONUNBUFFERED": "1",
    }
    started = []
    for i in range(processes):
        place = ("--coordinator", f"127.0.0.1:{port}", "--processes", str(processes), "--process-id", str(i))
        command = [sys.executable, "-m", "residual", "train", *words, *(place if processes > 1 else ())]
        with Path(f"out-{i}").open("wb") as out, Path(f"err-{i}").open("wb") as err:
            started.append(subprocess.Popen(command, env=environment, stdout=out, stderr=err))
    return started


def train(processes: int, name: str, *words: str) -> list[int]:
    """Exit codes of a training of two epochs."""
    return finish(start(processes, "images.npz", *QUICK, "--epochs", "2", "--name", name, *words))


def finish(started: list[subprocess.Popen]) -> list[int]:
    try:
        return [process.wait(WAIT) for process in started]
    finally:
        for process in started:
            process.kill()


def read_weights(name: str) -> list[np.ndarray]:
    return residual.open_run(name).model.get_weights()


def wait_for_epoch(number: int, started: list[subprocess.Popen]) -> None:
    end = time.monotonic() + WAIT
    while not re.search(rf"^epoch +{number}/", Path("out-0").read_text(), re.MULTILINE):
        assert time.monotonic() < end, Path("err-0").read_text()
        assert started[0].poll() is None, Path("err-0").read_text()
        time.sleep(0.05)


def test_two_processes_train_what_one_does_and_one_of_them_writes():
    assert train(1, "one") == [0]
    assert train(2, "two", "--json") == [0, 0]
    assert json.loads(Path("out-0").read_text())["test"]["n"] == 9
    assert Path("out-1").read_text() == Path("err-1").read_text() == ""
    differences = [np.abs(a - b).max() for a, b in zip(read_weights("one"), read_weights("two"), strict=True)]
    assert max(differences) < 5e-6
    assert {path.name for path in Path("runs").iterdir()} == {"one", "two"}


def test_a_mistake_of_one_process_ends_all_with_one_message():
    started = start(2, "images.npz", *QUICK, "--epochs", "2", "--name", "bad/name")
    assert finish(started) == [2, 2]
    assert "name" in Path("err-0").read_text()
    assert Path("err-1").read_text() in ("", Path("err-0").read_text())  # both find it, before they meet


def test_the_report_lists_the_unreadable_images_of_all_processes():
    """Without augmentation a process decodes its own part of a step alone."""
    with np.load("images.npz") as file:
        x, y = file["x_train"], file["y_train"]
    for i, (pixels, label) in enumerate(zip(x, y, strict=True)):
        place = Path("photos", "abc"[label], f"{i:02}.png")
        place.parent.mkdir(parents=True, exist_ok=True)
        if 12 <= i < 20:
            place.write_bytes(b"no image")
        else:
            Image.fromarray(pixels).save(place)
    words = "--set", "augment=[]", "--epochs", "1", "--unreadable", "0.5", "--size", "8"
    found = []
    for processes, name in ((1, "one"), (2, "two")):
        codes = finish(start(processes, "photos::decode=lazy", *QUICK, "--name", name, *words))
        assert codes == [0] * processes, Path("err-0").read_text()
        found.append(json.loads(Path("runs", name, "report.json").read_text())["unreadable"])
    assert sorted(found[0]) == sorted(found[1])
    assert len(found[0]) > 4


@pytest.mark.parametrize(("victim", "named"), [(1, "process 1"), (0, "process 0")])
def test_a_process_that_dies_ends_the_others_and_the_run_resumes(victim, named):
    assert finish(start(2, "images.npz", *QUICK, "--epochs", "40", "--name", "whole")) == [0, 0]
    started = start(2, "images.npz", *QUICK, "--epochs", "40", "--name", "killed")
    wait_for_epoch(2, started)
    started[victim].kill()
    started[victim].wait(WAIT)
    killed = time.monotonic()
    assert started[1 - victim].wait(WAIT) != 0
    assert time.monotonic() - killed < 60
    assert named in Path(f"err-{1 - victim}").read_text()
    assert finish(start(2, "--resume", "killed")) == [0, 0]
    for a, b in zip(read_weights("whole"), read_weights("killed"), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize(("name", "codes"), [("SIGTERM", [143, 143]), ("SIGINT", [0, 0])])
def test_a_signal_to_any_process_ends_all_after_a_checkpoint(name, codes):
    started = start(2, "images.npz", *QUICK, "--epochs", "500", "--name", "stopped")
    wait_for_epoch(1, started)
    started[1].send_signal(getattr(signal, name))
    assert finish(started) == codes
    assert list(Path("runs/stopped/checkpoints").glob("step-*.npz"))
