"""`check_file`: a learner's file, run and checked in a process of its own."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

from residual.checker.findings import make_finding
from residual.checker.printed import KEPT
from residual.checker.report import Report
from residual.checker.rules.running import Crashed, Hangs
from residual.checker.source import SUFFIXES, read_file
from residual.errors import DataError

# By which the child is asked for its stack. A watchdog that reads the stack from another thread while the interpreter
# changes it can end the process instead, so it serves only on Windows, which has no such signal.
STACK_SIGNAL = getattr(signal, "SIGUSR1", None)
# The child takes over this process's search path, so that it finds the same residual.
_CHILD = (
    "import json, sys; job = json.load(open(sys.argv[1], encoding='utf-8')); sys.path[:] = job['path']; "
    "from residual.checker.worker import main; main(job)"
)
_START_UP_LOG = re.compile(
    r"^(WARNING: All log messages before absl|[IWE]0000 00:00:\d+\.\d+ +\d+ \w+\.cc:\d+\]).*\n?", re.MULTILINE
)


def check_file(path: str | os.PathLike, *, timeout: float = 120) -> Report:
    """Run a Python file and compare the blocks and networks that it defines with the reference.

    The file runs in a process of its own, in its own folder, without a keyboard or windows. Only the statements run
    that its blocks and networks need, each on its own: training, missing data or an import that nothing needs do not
    stop the check. What the file prints is kept in `report.printed`.

    Args:
        path: of a program (.py) or a notebook (.ipynb) that defines blocks or networks: identity_block,
            convolutional_block, residual_block, ResNet18 to ResNet152, resnet_v1, resnet_v2, under these or
            similar names, as functions or as Keras layers.
        timeout: seconds for everything, loading Keras included.

    Raises:
        DataError: there is no such file, or it is neither a program nor a notebook.
    """
    file = _find_file(Path(path))
    if timeout <= 0:
        raise DataError(f"timeout must be more than 0 seconds; got {timeout}.")
    with tempfile.TemporaryDirectory(prefix="residual-check-") as folder:
        status, printed, seconds = _run(file, Path(folder), timeout)
        return _report(file, Path(folder), status, printed, timeout if status is None else seconds)


def _find_file(path: Path) -> Path:
    if not path.is_file():
        raise DataError(f"There is no file {path}. Give the path of a .py or .ipynb file with your blocks.")
    if path.suffix not in SUFFIXES:
        raise DataError(f"{path} is neither a .py nor an .ipynb file. Save your blocks as one of these.")
    read_file(path)  # a notebook that cannot be read is the caller's mistake
    return path.resolve()


def _run(file: Path, folder: Path, timeout: float) -> tuple[int | None, str, float]:
    """(exit status, or None past the limit; what was printed; the limit)."""
    warn = max(timeout - 1, 0.8 * timeout)
    job = {"file": str(file), "folder": str(folder), "warn": warn}
    job["path"] = [os.path.abspath(entry) for entry in sys.path]
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    # Without a display a plot window would wait for ever; on a CPU the numbers are the reference's.
    env = {**os.environ, "MPLBACKEND": "Agg", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1",
           "PYTHONIOENCODING": "utf-8"}  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(folder / "job.json")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=env,
        start_new_session=True,
    )
    kept: list[bytes] = [b""]
    reader = threading.Thread(target=_keep_end, args=(process.stdout, kept), daemon=True)
    reader.start()
    try:
        status = _wait(process, warn)
        if status is None:
            _ask_for_stack(process, folder)
            status = _wait(process, timeout - warn)
    finally:
        _end(process)
        reader.join(5)
    return status, remove_start_up_log(kept[0].decode("utf-8", "replace")), timeout


def _wait(process: subprocess.Popen, seconds: float) -> int | None:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def _ask_for_stack(process: subprocess.Popen, folder: Path) -> None:
    """Make the child write its stack to where.txt, if it has begun: before that the signal would end it."""
    if STACK_SIGNAL and (folder / "where.txt").is_file():
        process.send_signal(STACK_SIGNAL)


def remove_start_up_log(printed: str) -> str:
    """What was printed, without the lines that TensorFlow's C++ part writes while it loads."""
    return _START_UP_LOG.sub("", printed)


def _keep_end(stream, kept: list[bytes]) -> None:
    """Keep the end of what is printed: a loop that prints for ever must not fill the memory."""
    with contextlib.suppress(ValueError, OSError), stream:
        while chunk := stream.read1(65536):
            kept[0] = (kept[0] + chunk)[-4 * KEPT :]


def _end(process: subprocess.Popen) -> None:
    """End the child and whatever it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _report(file: Path, folder: Path, status: int | None, printed: str, timeout: float) -> Report:
    result = folder / "report.json"
    if result.is_file():
        report = Report.from_dict(json.loads(result.read_text(encoding="utf-8")))
        return replace(report, printed=(report.printed + printed)[-KEPT:])
    now = folder / "now.txt"
    function = now.read_text(encoding="utf-8").strip() if now.is_file() else ""
    line = _find_line(folder / "where.txt", file)
    ends = [*Hangs().find_in_status(status, timeout, line), *Crashed().find_in_status(status, timeout, line)]
    findings = tuple(make_finding(function, difference) for difference in ends)
    return Report((function,) if function else (), findings, str(file), printed[-KEPT:])


def _find_line(trace: Path, file: Path) -> int | None:
    """The innermost line of the learner's file in the trace that was written shortly before the limit."""
    if not trace.is_file():
        return None
    lines = re.findall(r'File "(.+?)", line (\d+)', trace.read_text(encoding="utf-8", errors="replace"))
    return next((int(number) for name, number in lines if name == str(file)), None)
