"""What was measured on this machine before, in the user's cache folder.

One JSON file: for each machine (processor, cores, library versions, switches) the answers of `choice`. It can be
deleted at any time; if it is damaged or cannot be written, training measures again.
"""

import contextlib
import json
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import platformdirs

from residual._atomic import replacing
from residual.kernels import processor
from residual.kernels.runtime import onednn_is_on

_SWITCHES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")


class AnswerCache:
    """Answers by question, for this machine.

    Args:
        path: of the file; None takes `fastest.json` in the user's cache folder.
    """

    def __init__(self, path: Path | None = None):
        self.path = path or platformdirs.user_cache_path("residual") / "fastest.json"
        self._machine = _machine()
        self._answers = _read(self.path).get(self._machine, {})

    def get(self, question: str) -> str | None:
        """The answer, or None if it was not measured here."""
        answer = self._answers.get(question)
        return answer if isinstance(answer, str) else None

    def add(self, answers: dict[str, str]) -> bool:
        """Write more answers beside those of other machines; whether the file could be written."""
        self._answers = {**self._answers, **answers}
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self.path) as partial:
                text = json.dumps({**_read(self.path), self._machine: self._answers}, indent=1)
                partial.write_text(text + "\n", "utf-8")
            return True
        return False


def _read(path: Path) -> dict[str, dict]:
    """The tables of all machines; {} if the file is missing or damaged."""
    try:
        tables = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(tables, dict):
        return {}
    return {name: table for name, table in tables.items() if isinstance(table, dict)}


def _machine() -> str:
    """What answers depend on beside the question."""
    parts = [processor.name(), f"oneDNN {'on' if onednn_is_on() else 'off'}"]
    for package in ("tensorflow", "tensorflow-cpu", "keras", "residual"):
        with contextlib.suppress(PackageNotFoundError):
            parts.append(f"{package} {version(package)}")
    parts += [f"{name}={os.environ[name]}" for name in _SWITCHES if name in os.environ]
    return "; ".join(parts)
