"""A run exported to every format that this machine can run, side by side."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from residual._run import Run, open_run

if TYPE_CHECKING:
    from residual.engines.card import ModelCard
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
    from residual.training.reload import reload_split

    found = run if isinstance(run, Run) else open_run(run)
    found.folder.check_model()
    report("reading the images")
    split = reload_split(found.folder, data)
    report("loading the network")
    return bench_exports(found.model, make_card(found), split, max_loss, report)


def make_card(run: Run) -> "ModelCard":
    """What an export of a run says about itself."""
    from residual.data.location import find_white
    from residual.engines.card import ModelCard

    record = run.folder.record
    return ModelCard(
        name=run.path.name,
        network=record.network.name,
        classes=run.classes,
        image_size=(record.data.image_size[0], record.data.image_size[1]),
        precision="fp32",
        exported_to="",
        white=find_white(record.train["data"]),
        source=record.data.source,
        weights_sha256=run.report.get("weights_sha256", ""),
    )
