"""The end of a run: its engine and its curves, and what is written later if a finished run lacks it."""

import warnings
from typing import TYPE_CHECKING, Any

from residual._console import show_work
from residual._run import Run
from residual.errors import ResidualError, ResidualWarning, RunError
from residual.runs.folder import RunFolder

if TYPE_CHECKING:
    import keras
    from rich.console import Console

    from residual.training.job import Job


def list_missing(folder: RunFolder) -> list[str]:
    """What a finished run has not written: what `RunFolder.find_missing` says, its engine and its report.

    Args:
        folder: of the run.
    """
    missing = folder.find_missing()
    if _lacks_engine(folder):
        missing.append(folder.engine.name)
    if folder.wants_report and not (folder.path / "report.html").is_file():
        missing.append("report.html")
    return missing


def _lacks_engine(folder: RunFolder) -> bool:
    """Whether an engine is wanted, can be written here, and is not there."""
    from residual.engines import can_keep_engine

    if not folder.wants_engine or folder.engine.is_file() or not can_keep_engine():
        return False
    return "note" not in folder.report.get("engine", {})  # why it cannot be written


def finish_run(folder: RunFolder, console: "Console", data: Any = None, job: "Job | None" = None) -> Run:
    """Write what is missing of a run whose training has finished.

    `Run.evaluate` writes the test scores, and `Run.keep_report` the report.

    Args:
        folder: of the run.
        console: where it is shown.
        data: the data of a run that was trained on arrays, given again.
        job: the training, if it is open.

    Raises:
        RunError: if nothing is missing.
    """
    from residual.runs import checkpoints

    missing = list_missing(folder)
    if not missing:
        raise RunError(
            f"{folder.path} has finished: there is nothing to resume. To train longer, start a new run."
        )
    console.print(f"{folder.path} has finished training; missing: {', '.join(missing)}", highlight=False)
    with folder.claim():
        checkpoints.remove(folder.checkpoints)
        folder.start.unlink(missing_ok=True)
        draw_curves(folder)
        run = Run(folder, job.data if job else None)
        if folder.engine.name in missing:
            _mend_engine(run, console, data, job)
    return run


def _mend_engine(run: Run, console: "Console", data: Any, job: "Job | None") -> None:
    """Write the engine that a finished run lacks; a warning if its data or its network cannot be had."""
    from residual.training.reload import reload_job

    try:
        job = job or reload_job(run.folder, data, callbacks=())
        keep_engine(run.folder, job, run.model, console)
    except (ResidualError, OSError) as error:
        warnings.warn(f"No engine is written: {error}", ResidualWarning, stacklevel=3)


def keep_engine(
    folder: RunFolder, job: "Job", model: "keras.Model", console: "Console", most: int | None = None
) -> None:
    """Write the engine of a training that has ended, unless it is not wanted.

    Args:
        folder, job, model: of the run.
        console: where it is shown.
        most: validation images that the engine is compared on; None takes as many as `run_engine` does.
    """
    from residual.exporters import run_engine

    if not folder.wants_engine:
        return
    images = job.training.validation
    with show_work(console, "writing the engine"):
        run_engine.keep_engine(model, images.take(range(min(len(images), most))) if most else images, folder)


def draw_curves(folder: RunFolder) -> None:
    """Draw accuracy and loss of the epochs so far in curves.png."""
    from residual.evaluation.figures import save_curves_png

    if rows := folder.log_rows():
        save_curves_png(rows, folder.path / "curves.png")
