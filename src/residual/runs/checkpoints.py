"""States of a training on disk: each is written whole, has its checksum in its name, and the last two are kept.

    runs/NAME/checkpoints/step-1056.3f9c2b7d1a604e58.npz

The file is a plain .npz: numpy.load opens it. The name ends in the first 16 digits of its SHA-256.
"""

import contextlib
import hashlib
import io
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from residual._atomic import sync_folder

KEPT = 2
_NAME = re.compile(r"step-(\d+)\.([0-9a-f]{16})\.npz")
_FACTS = "facts"
_UNFINISHED = ".unfinished"


@dataclass(frozen=True)
class State:
    """Where a training is, and everything that the rest of it depends on.

    Attributes:
        step: steps taken since the start.
        arrays: name -> values: weights, optimizer, running metrics, the best weights so far.
        facts: everything else, as JSON takes it: epoch and step in it, the best score, rows of the log, times.
    """

    step: int
    arrays: dict[str, np.ndarray]
    facts: dict

    def named(self, part: str) -> list[np.ndarray]:
        """The arrays part/0, part/1, ... in this order."""
        names = sorted((name for name in self.arrays if name.startswith(f"{part}/")), key=_number)
        return [self.arrays[name] for name in names]


def number_arrays(part: str, values: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays by the names part/0, part/1, ...: copies, which the training no longer changes."""
    return {f"{part}/{i}": np.array(value) for i, value in enumerate(values)}


def _number(name: str) -> int:
    return int(name.rpartition("/")[2])


def write(folder: Path, state: State) -> Path:
    """Write a checkpoint to the disk itself; it gets its name when it is whole. Only the last two are kept.

    Raises:
        OSError: if it cannot be written; those that are there stay as they are.
    """
    folder.mkdir(exist_ok=True)  # not its parents: a run folder that was deleted stays deleted
    partial = folder / _UNFINISHED
    try:
        with partial.open("wb") as file:
            facts = np.frombuffer(json.dumps(state.facts).encode(), np.uint8)
            np.savez(file, **state.arrays, **{_FACTS: facts})
            file.flush()
            os.fsync(file.fileno())
        path = folder / f"step-{state.step}.{_checksum(partial)}.npz"
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    sync_folder(folder)
    for older in list_checkpoints(folder)[KEPT:]:
        older.unlink()
    return path


def pack(state: State) -> bytes:
    """A state as bytes, for other processes."""
    content = io.BytesIO()
    facts = np.frombuffer(json.dumps([state.step, state.facts]).encode(), np.uint8)
    np.savez(content, **state.arrays, **{_FACTS: facts})
    return content.getvalue()


def unpack(content: bytes) -> State:
    """The state that `pack` was given."""
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    step, facts = json.loads(arrays.pop(_FACTS).tobytes())
    return State(step, arrays, facts)


def mark_damaged(path: Path) -> None:
    """Rename a damaged checkpoint so that it no longer counts: a run that starts over writes earlier steps."""
    with contextlib.suppress(OSError):
        path.rename(path.with_suffix(".damaged"))


def list_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, the newest first."""
    paths = [path for path in folder.glob("step-*.npz") if _NAME.fullmatch(path.name)]
    return sorted(paths, key=lambda path: (step_of(path), path.stat().st_mtime_ns), reverse=True)


def step_of(path: Path) -> int:
    """The step that a checkpoint's name says."""
    return int(_NAME.fullmatch(path.name)[1])


def read(path: Path) -> State | None:
    """The state in a file; None if its content does not have the checksum of its name."""
    try:
        if _checksum(path) != _NAME.fullmatch(path.name)[2]:
            return None
    except OSError:  # a disk that cannot give it back
        return None
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    facts = json.loads(arrays.pop(_FACTS).tobytes())
    return State(step_of(path), arrays, facts)


def newest(folder: Path) -> Iterator[tuple[Path, State | None]]:
    """Every checkpoint of a folder from the newest on; None for the state of a damaged one."""
    for path in list_checkpoints(folder):
        yield path, read(path)


def remove(folder: Path) -> None:
    """Delete the checkpoints when nothing is left to resume; what else is in the folder stays."""
    for path in (*list_checkpoints(folder), *folder.glob("step-*.damaged"), folder / _UNFINISHED):
        path.unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
