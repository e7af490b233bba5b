"""Freed memory stays with the process."""

import os
import subprocess
import sys

import pytest

from residual import kernels

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="settings of glibc")

# Two threads ask for eight megabytes each in pieces, write them, wait for the other and free them: ten times,
# after a first time.
THREADS = """
import resource, threading
import residual
import numpy as np

met = threading.Barrier(2)

def use(times):
    for _ in range(times):
        held = [np.full(1 << 20, 1, "uint8") for _ in range(8)]
        met.wait()
        del held
        met.wait()

def both(times):
    threads = [threading.Thread(target=use, args=(times,)) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]

both(2)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
both(10)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages_touched_anew(**environment) -> int:
    """First touches of a page by `THREADS`; eight megabytes are 2048 of them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    command = [sys.executable, "-c", THREADS]
    return int(subprocess.run(command, env={**kept, **environment}, capture_output=True, check=True).stdout)


def test_threads_get_the_pages_that_were_freed():
    assert pages_touched_anew(KERAS_BACKEND="tensorflow") < 2048


def test_settings_of_the_user_are_left_alone():
    # By this one every piece is the kernel's, given back when it is freed.
    assert pages_touched_anew(KERAS_BACKEND="tensorflow", MALLOC_MMAP_THRESHOLD_="65536") > 2048


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_only_tensorflow_gets_them(monkeypatch, backend):
    told = []
    monkeypatch.setenv("KERAS_BACKEND", backend)
    monkeypatch.setattr(kernels, "keep_freed_pages", lambda: told.append(backend))
    kernels.prefer_backend()
    assert told == ["tensorflow"] * (backend == "tensorflow")
