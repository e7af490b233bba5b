"""Running a script of the tests on another Keras backend, in a process of its own."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import residual

OTHERS = [name for name in ("tensorflow", "jax", "torch") if name != keras.backend.backend()]


def run_on(backend: str, script: str, *arguments: str) -> dict:
    """The JSON that the script prints in its last line on `backend`; skips where that is not installed."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    source = str(Path(residual.__file__).parents[1])
    path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    run = subprocess.run(
        [sys.executable, script, *arguments],
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert run.returncode == 0, run.stderr
    got = json.loads(run.stdout.splitlines()[-1])
    assert got.pop("backend") == backend
    return got
