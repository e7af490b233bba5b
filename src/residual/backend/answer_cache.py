"""What was measured on this machine before, in the user's cache folder.

One JSON file: for each machine (processor, cores, library versions, switches) the answers of `choice`. It can be
deleted at any time. If it is damaged or cannot be written, training measures again.
"""

import contextlib
import json
import os
from pathlib import Path

import platformdirs

from residual._atomic import write_text
from residual.backend import processor
from residual.backend.tensorflow_cpu.runtime_flags import onednn_is_on

_SWITCHES = (
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "OMP_NUM_THREADS",
)


class AnswerCache:
    """Answers by question, for this machine.

    Args:
        path: of the file; None takes `fastest.json` in the user's cache folder. If the system knows no such folder,
            nothing is kept.
    """

    def __init__(self, path: Path | None = None):
        self.path = path or _default_path()
        self._machine = _describe_machine()
        self._answers = _read(self.path).get(self._machine, {})

    def get(self, question: str) -> str | None:
        """The answer, or None if it was not measured here."""
        answer = self._answers.get(question)
        return answer if isinstance(answer, str) else None

    def add(self, answers: dict[str, str]) -> bool:
        """Write more answers beside those of other processes and machines; whether the file could be written."""
        if self.path is None:
            return False
        tables = _read(self.path)
        self._answers = {**tables.get(self._machine, {}), **answers}
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_text(self.path, json.dumps({**tables, self._machine: self._answers}, indent=1) + "\n")
            return True
        return False


def _default_path() -> Path | None:
    try:
        return platformdirs.user_cache_path("residual") / "fastest.json"
    except (OSError, RuntimeError):  # no home folder
        return None


def _read(path: Path | None) -> dict[str, dict]:
    """The tables of all machines; {} if the file is missing or damaged."""
    try:
        tables = json.loads(path.read_text("utf-8")) if path else {}
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(tables, dict):
        return {}
    return {name: table for name, table in tables.items() if isinstance(table, dict)}


def _describe_machine() -> str:
    """What answers depend on beside the question."""
    import keras
    import tensorflow as tf

    vectors = sorted(
        flag for flag in processor.flags() or () if flag.startswith(("avx", "amx", "fma", "sve"))
    )
    parts = [
        f"{processor.name()}, {processor.cores()} cores",
        " ".join(vectors),
        f"oneDNN {'on' if onednn_is_on() else 'off'}",
        f"tensorflow {tf.__version__}",
        f"keras {keras.__version__}",
        *(f"{name}={os.environ[name]}" for name in _SWITCHES if name in os.environ),
    ]
    return "; ".join(parts)
