"""What answers without Keras: the engine that a run keeps, and exported files."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from residual.errors import ResidualError, ResidualWarning
from residual.runs.folder import RunFolder
from residual.runs.history import hash_file

if TYPE_CHECKING:
    from residual.engines.engine import Engine


def is_exported_file(run_or_model: Any) -> bool:
    """Whether a name is that of a file that an engine opens."""
    from residual.engines import ENGINES

    return isinstance(run_or_model, str | Path) and Path(run_or_model).suffix.lower() in ENGINES


def open_run_engine(folder: RunFolder) -> "Engine | None":
    """The engine of a run, if it has one that answers as its network; a warning says if it had one that does not.

    Args:
        folder: of the run.
    """
    report = folder.report
    if "engine" not in report or not folder.engine.is_file() or not folder.model.is_file():
        return None
    reason = _find_change(folder, report)
    if not reason:
        from residual.engines import open_engine

        try:
            engine = open_engine(folder.engine)
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
