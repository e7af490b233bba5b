"""Open a trained network by the name of its run or of its file."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from residual._run import Run
from residual._run_engine import is_exported_file, open_run_engine
from residual.backend.devices import AUTO
from residual.errors import RunError
from residual.runs.find import find_run
from residual.runs.folder import RunFolder

if TYPE_CHECKING:
    from residual.evaluation.classifier import Classifier


def open_run(run: str | Path) -> Run:
    """Open a run that was trained before.

    Args:
        run: its name in ./runs, its folder, or the model.keras in it.

    Raises:
        RunError: if there is no such run.
    """
    path = Path(run) if isinstance(run, str | Path) else None
    return Run(RunFolder(path.parent) if path and _is_model_of_run(path) else find_run(run))


def find_owner(run_or_model: str | Path) -> Run | None:
    """The run of that name or folder, or that a model file lies in; None for a model file elsewhere.

    Raises:
        RunError: if there is neither a run nor a model file.
    """
    path = Path(run_or_model) if isinstance(run_or_model, str | Path) else Path()
    return None if path.suffix == ".keras" and not _is_model_of_run(path) else open_run(run_or_model)


def _is_model_of_run(path: Path) -> bool:
    return path.name == "model.keras" and (path.parent / "run.toml").is_file()


def check_unneeded(run: Run, classes: Sequence[str] | None, pixels: str | None) -> None:
    """Refuse the arguments that only a model file needs.

    Raises:
        RunError: if one of them is given.
    """
    if classes is not None or pixels is not None:
        raise RunError(
            f"{run.path} is a run, which knows its classes and pixels: leave `classes` and `pixels` out."
        )


def find_engine(
    run_or_model: str | Path | Run,
    classes: Sequence[str] | None = None,
    pixels: str | None = None,
    device: str = AUTO,
) -> "Classifier | None":
    """What answers without Keras: an exported file, or the engine that a run keeps; None if Keras must.

    Args:
        run_or_model: as `open_classifier` takes it, or an exported file.
        classes, pixels: are refused if they are given for a run or an exported file.
        device: engines compute on the processor, so for "gpu" there is none.

    Raises:
        RunError: if there is no such run or file, or an argument is refused.
    """
    from residual.evaluation.classifier import Classifier
    from residual.evaluation.engine_network import EngineNetwork

    if is_exported_file(run_or_model):
        return _open_exported(Path(run_or_model), classes, pixels, device)  # type: ignore[arg-type]
    run = run_or_model if isinstance(run_or_model, Run) else find_owner(run_or_model)
    if run is None or run.is_loaded or device.startswith("gpu"):
        return None
    check_unneeded(run, classes, pixels)
    engine = open_run_engine(run.folder)
    if engine is None:
        return None
    return Classifier(EngineNetwork(engine), run.classes, white=engine.card.white, facts=run.load_trust())


def _open_exported(path: Path, classes: Any, pixels: Any, device: str) -> "Classifier":
    from residual.data.preprocessing import Preprocessing
    from residual.engines import open_engine
    from residual.evaluation.classifier import Classifier
    from residual.evaluation.engine_network import EngineNetwork

    if classes is not None or pixels is not None:
        raise RunError(f"{path} knows its classes and pixels: leave `classes` and `pixels` out.")
    if device.startswith("gpu"):
        raise RunError(f"{path} is computed on the processor: leave `device` out.")
    engine = open_engine(path)
    table = engine.card.preprocessing
    preprocessing = None if table is None else Preprocessing.from_dict(table)
    return Classifier(
        EngineNetwork(engine), engine.card.classes, white=engine.card.white, preprocessing=preprocessing
    )


def open_classifier(
    run_or_model: str | Path | Run, classes: Sequence[str] | None = None, pixels: str | None = None
) -> "Classifier":
    """A network with the names of its outputs and the pixels that it takes, from a run or a .keras file.

    Args:
        run_or_model: a run, its name or folder, or a .keras file.
        classes: names of the outputs of a .keras file that does not have them.
        pixels: the range that a .keras file of another program takes: "0-255", "0-1" or "-1-1".

    Raises:
        RunError: if there is none, it is not a classifier, or classes or pixels are given for a run.
    """
    from residual.evaluation.classifier import Classifier, make_classifier

    run = run_or_model if isinstance(run_or_model, Run) else find_owner(run_or_model)
    if run is None:
        from residual.models.keras_file import load_model

        model, info = load_model(run_or_model)  # type: ignore[arg-type]
        return make_classifier(model, str(run_or_model), info, classes, pixels)
    check_unneeded(run, classes, pixels)
    from residual.data.location import find_white

    white = find_white(run.folder.record.train["data"])
    return Classifier(run.model, run.classes, white=white, facts=run.load_trust())
