"""Trained weights by name: a run, a .keras file, or what `importers` can open."""

from pathlib import Path
from typing import Any

from residual._run import Run, find_owner
from residual._text import describe_value
from residual.backend import import_keras_quietly
from residual.errors import RunError
from residual.models.given import Pretrained
from residual.runs.find import find_run


def open_weights(weights: Any, image_size: int | None = None) -> Pretrained:
    """Open trained weights.

    Args:
        weights: a run, its name or folder, a .keras file, or a name such as "torchvision/resnet50.v2".
        image_size: pixels a side, for weights that are used at any size.

    Raises:
        RunError: if there are none, they are damaged, or the run has not been trained to its end.
    """
    check_weights(weights)
    import_keras_quietly()
    run = weights if isinstance(weights, Run) else _find_run(weights)
    return _open_run(run) if run is not None else _open_file(Path(weights).expanduser())


def check_weights(weights: Any) -> None:
    """Refuse weights that are not there, without Keras.

    Raises:
        RunError: as for `open_weights`, as far as it shows without opening them.
    """
    if isinstance(weights, Run):
        weights.folder.check_model()
        return
    if not isinstance(weights, str | Path) or not str(weights):
        raise RunError(
            f"weights must be a run, its name or folder, or a .keras file; got {describe_value(weights)}."
        )
    path = Path(weights).expanduser()
    if path.suffix == ".keras":
        if not path.is_file():
            raise RunError(f"There is no file of weights {path}.")
        return
    find_run(weights).check_model()


def _find_run(weights: str | Path) -> Run | None:
    """The run of that name or folder, or that a .keras file is the network of; None for a .keras file elsewhere."""
    return find_owner(Path(weights).expanduser() if Path(weights).suffix == ".keras" else weights)


def _open_run(run: Run) -> Pretrained:
    from residual.training.batch_norm import hash_weights

    record = run.folder.record
    height, width = record.data.image_size[:2]
    model = run.model
    return Pretrained(
        model=model,
        name=run.path.name,
        image_size=(height, width),
        weights_sha256=hash_weights(model),
        network=record.network.name,
        takes_raw_pixels=True,
        licence=str(record.network.spec.get("licence", "")),
        notes=(f"{run.path.name} was trained on {record.data.source}",),
    )


def _open_file(path: Path) -> Pretrained:
    from residual.models.keras_file import load_model
    from residual.training.batch_norm import hash_weights

    model, info = load_model(path)
    info = info if isinstance(info, dict) else {}
    shape = getattr(model, "input_shape", None)
    sides = shape[1:3] if isinstance(shape, tuple) and len(shape) == 4 else (None, None)
    known = all(isinstance(side, int) for side in sides)
    return Pretrained(
        model=model,
        name=path.name,
        image_size=(sides[0], sides[1]) if known else _read_size(info),
        weights_sha256=hash_weights(model),
        network=str(info.get("network", "")),
        takes_raw_pixels=bool(info) and "converted_from" not in info,
        licence=str(info.get("licence", "")),
    )


def _read_size(info: dict) -> tuple[int, int] | None:
    size = info.get("image_size")
    is_size = isinstance(size, list) and len(size) == 2 and all(isinstance(side, int) for side in size)
    return (size[0], size[1]) if is_size else None
