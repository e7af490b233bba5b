"""A run exported to every format that this machine can run, side by side."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from residual._open import open_run
from residual._run import Run

if TYPE_CHECKING:
    from residual.exporters.bench import Bench


def bench_run(
    run: str | Path | Run,
    data: Any = None,
    max_loss: float = 0.5,
    report: Callable[[str], None] = lambda text: None,
) -> "Bench":
    """Accuracy, agreement, size and speed of a run in every format and precision that this machine can run.

    Nothing is kept: the files lie in a temporary folder.

    Args:
        run: a run, its name or folder.
        data: the data of a run that was trained on arrays given from Python, given again.
        max_loss: points of accuracy that "bf16" and "int8" may lose.
        report: is called with what is being done.

    Raises:
        DataError: if the data of the run has changed or cannot be found.
        RunError: if there is no such run, or it is not trained.
    """
    from residual.exporters.bench import bench_exports
    from residual.exporters.describe import describe_run
    from residual.training.reload import reload_split

    found = run if isinstance(run, Run) else open_run(run)
    found.folder.check_model()
    report("reading the images")
    split = reload_split(found.folder, data)
    report("loading the network")
    return bench_exports(found.model, describe_run(found.folder), split, max_loss, report)
