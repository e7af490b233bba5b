"""ONNX Runtime is imported without an identity and without a record of events."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("onnxruntime")


def test_importing_onnx_runtime_writes_nothing(tmp_path):
    code = "from residual.engines.telemetry import import_onnxruntime; import_onnxruntime()"
    room = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    room.pop("ORT_DISABLE_TELEMETRY", None)
    subprocess.run([sys.executable, "-c", code], check=True, env=room)
    assert list(tmp_path.rglob("*")) == []
