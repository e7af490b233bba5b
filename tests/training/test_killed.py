"""A training that is killed again and again, also while it writes checkpoints, ends as if it had not been.

    pytest -m slow -n0 -s tests/training/test_killed.py

`-s` shows the moment and the newest checkpoint of every kill, and the hashes.
"""

import json
import random
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from residual.runs import checkpoints

KILLS = 20
# A checkpoint ten times a second, so that kills fall into many of them.
CHILD = """
import sys
from residual.training.callbacks import checkpoint
checkpoint.EVERY = 0.1
from residual import cli
cli.main()
"""
ASKED = ["train", "digits", "--epochs", "60", "--precision", "float32"]


def start(name: str, *more: str, **options) -> subprocess.Popen:
    command = [sys.executable, "-c", CHILD, *ASKED, "--name", name, *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


def until_it_trains(process: subprocess.Popen) -> None:
    for line in process.stdout:
        if line.startswith("plan"):
            return
    pytest.fail("the training ended before it began")


def hashes(name: str) -> tuple[str, str]:
    report = json.loads((Path("runs") / name / "report.json").read_text())
    return report["weights_sha256"], report["data_sha256"]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_killed_at_random_moments_it_ends_bit_for_bit_the_same():
    start("whole").communicate()
    draw, folder = random.Random(0), Path("runs/killed/checkpoints")
    amid_writing = 0
    for kill in range(KILLS):
        process = start("killed")
        until_it_trains(process)
        time.sleep(draw.uniform(0, 2))
        if kill % 2:
            end = time.monotonic() + 5
            while not (folder / ".unfinished").exists() and time.monotonic() < end:
                pass
        process.kill()
        process.communicate()
        caught = (folder / ".unfinished").exists()
        amid_writing += caught
        newest = checkpoints.list_checkpoints(folder)[:1]
        print(f"kill {kill + 1:2}: {'amid a writing' if caught else '':14} newest {[p.name for p in newest]}")
        assert not newest or checkpoints.read(newest[0]) is not None
    said, _ = start("killed").communicate()
    print(
        *(f"{name}: weights {hashes(name)[0]}, data {hashes(name)[1]}" for name in ("whole", "killed")),
        sep="\n",
    )
    assert "resuming runs/killed" in said
    assert hashes("killed") == hashes("whole")
    assert amid_writing > 0


@pytest.mark.slow
def test_a_disk_that_is_full_leaves_the_checkpoints_usable():
    """A limit on the size of files stands for the disk: what is larger than the log cannot be written."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    process = start("full", preexec_fn=limit)
    said, _ = process.communicate()
    assert process.returncode == 2
    assert said.count("A checkpoint cannot be written to runs/full/checkpoints: File too large") == 1
    assert "Traceback" not in said
    resumed = start("full")
    said, _ = resumed.communicate()
    assert (resumed.returncode, "it begins anew" in said) == (0, True)
