"""What JAX writes when it ends a process becomes one sentence, and everything else passes."""

import subprocess
import sys

from residual.backend import error_filter

FATAL = """\
W1128 19:43:27.77  15256 preemption_sync_manager.cc:147] Failed to retrieve preemption notice
E1128 19:43:27.77  15256 coordination_service_agent.cc:289] Polled an error from coordination service
F1128 19:43:27.77  15256 client.h:80] Terminating process because the JAX distributed service detected fatal errors.
*** Check failure stack trace: ***
    @     0x7f6f5f840634  absl::lts_20260107::log_internal::LogMessage::SendToLog()
"""


def run_filter(text):
    command = [sys.executable, "-I", "-S", error_filter.__file__, "residual: process 0 has ended."]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=30, check=True).stderr


def test_a_fatal_error_is_one_sentence():
    assert run_filter("before\n" + FATAL) == "before\nresidual: process 0 has ended.\n"


def test_other_lines_pass():
    text = "Traceback (most recent call last):\n  Error: client.html\nE as a word\n"
    assert run_filter(text) == text
