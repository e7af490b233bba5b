"""Requests that schemathesis makes from the OpenAPI document are answered as the document says.

It is heavy, so nothing installs it: pip install schemathesis && pytest -m slow tests/serving/test_schemathesis.py
"""

import os
import subprocess
import sys

import pytest

from tests.support.live_server import run_server

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.slow
def test_answers_are_those_of_the_document(engine):
    pytest.importorskip("schemathesis", reason="pip install schemathesis")
    with run_server(engine) as (port, _):
        address = f"http://127.0.0.1:{port}/openapi.json"
        options = [
            "--checks",
            CHECKS,
            "--max-examples",
            "15",
            "--phases",
            "examples,coverage,fuzzing",
            "--seed",
            "1",
        ]
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", address, *options],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            timeout=250,
        )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
