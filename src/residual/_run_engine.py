"""What answers without Keras: the engine that a run keeps, and exported files."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from residual.errors import ResidualError, ResidualWarning
from residual.runs.folder import RunFolder
from residual.runs.history import hash_file

if TYPE_CHECKING:
    from residual.engines.engine import Engine

_MANY = 2_000  # images for which it pays to look for the fastest runtime, which takes two seconds


def is_exported_file(run_or_model: Any) -> bool:
    """Whether a name is that of a file that an engine opens."""
    from residual.engines import ENGINES

    return isinstance(run_or_model, str | Path) and Path(run_or_model).suffix.lower() in ENGINES


def open_for(path: Path, count: int) -> "Engine":
    """Open an exported file: with the fastest runtime for many images, with its usual one for a few.

    Args:
        path: the file.
        count: of images that it will be asked about.

    Raises:
        RunError: as for `open_engine`.
    """
    from residual.engines import open_engine, open_fastest
    from residual.evaluation.engine_network import BATCH

    return open_engine(path) if count < _MANY else open_fastest(path, (BATCH,)).engine


def open_run_engine(folder: RunFolder, count: int = 1) -> "Engine | None":
    """The engine of a run, if it has one that answers as its network; a warning says if it had one that does not.

    Args:
        folder: of the run.
        count: of images that it will be asked about.
    """
    report = folder.report
    if "engine" not in report or not folder.engine.is_file() or not folder.model.is_file():
        return None
    reason = _find_change(folder, report)
    if not reason:
        try:
            engine = open_for(folder.engine, count)
        except ResidualError as error:
            reason = str(error)
        else:
            if engine.card.weights_sha256 == report.get("weights_sha256"):
                return engine
            reason = f"{folder.engine} is that of another network."
    warnings.warn(f"{reason} The network itself answers, which takes longer.", ResidualWarning, stacklevel=4)
    return None


def _find_change(folder: RunFolder, report: dict) -> str:
    """Which file is not that of the training any more; "" if none is."""
    expected = report["engine"].get("file_sha256") if isinstance(report["engine"], dict) else None
    for path, sha256 in ((folder.engine, expected), (folder.model, report.get("model_sha256"))):
        if hash_file(path) != sha256:
            return f"{path} was changed after the training."
    return ""
