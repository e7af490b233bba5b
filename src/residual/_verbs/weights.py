"""Trained weights by name: a run, a .keras file, or whatever `importers` open."""

from pathlib import Path
from typing import Any

from residual._open import find_owner
from residual._run import Run
from residual._text import describe_value
from residual.backend import import_keras_quietly
from residual.errors import RunError
from residual.models.given import Pretrained
from residual.runs.find import find_run


def open_weights(weights: Any, image_size: int | None = None) -> Pretrained:
    """Open trained weights.

    Args:
        weights: a run, its name or folder, a .keras file, or what `importers.open_pretrained` opens.
        image_size: pixels a side, for weights that are used at any size.

    Raises:
        RunError: if there are none, they are damaged, or the run has not been trained to its end.
    """
    check_weights(weights)
    import_keras_quietly()
    run = weights if isinstance(weights, Run) else _find_run(weights)
    return _open_run(run) if run is not None else _open_file(weights, image_size)


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
            f"weights must be a run, its name or folder, or a file of weights; got {describe_value(weights)}."
        )
    path = Path(weights).expanduser()
    if path.suffix == ".keras" and not path.is_file():
        raise RunError(f"There is no file of weights {path}.")
    if _is_run(path):
        find_run(weights).check_model()


def _is_run(path: Path) -> bool:
    """Whether a path or name stands for a run: a folder with run.toml, or a name that nothing else has."""
    if path.suffix == ".keras" or path.is_file():
        return False
    has_record = (path / "run.toml").is_file()
    return has_record or not (path.exists() or len(path.parts) > 1)


def _find_run(weights: str | Path) -> Run | None:
    """The run of that name or folder, or that a .keras file is the network of; None for other weights."""
    path = Path(weights).expanduser()
    if path.suffix == ".keras":
        return find_owner(path)
    return find_owner(weights) if _is_run(path) else None


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
        license=str(record.network.spec.get("license", "")),
        notes=(f"{run.path.name} was trained on {record.data.source}",),
    )


def _open_file(weights: str | Path, image_size: int | None) -> Pretrained:
    """Weights that are no run: of a .keras file by its own size, of another file by the importer that knows it."""
    from residual.importers import open_pretrained
    from residual.models.keras_file import load_model
    from residual.training.batch_norm import hash_weights

    path = Path(weights).expanduser()
    if path.suffix == ".keras":
        model, info = load_model(path)
        info = info if isinstance(info, dict) else {}
        network, license, notes = info.get("network"), info.get("license"), ()
        # What `residual convert` wrote takes the pixels of the old program, unless their scaling is known.
        is_known = "preprocessing" in info or (bool(info) and "converted_from" not in info)
        size = _find_size(model) or _read_size(info)
    else:
        found = open_pretrained(weights, image_size=image_size)
        model, network, license, notes = found.model, found.network, found.license, found.notes
        is_known = found.preprocessing is not None
        size = _find_size(model) if image_size is None else None  # it is built at the size that is asked for
    return Pretrained(
        model=model,
        name=path.name if path.exists() else str(weights),
        image_size=size,
        weights_sha256=hash_weights(model),
        network=str(network or ""),
        takes_raw_pixels=is_known,
        license=str(license or ""),
        notes=notes,
    )


def _find_size(model: Any) -> tuple[int, int] | None:
    shape = getattr(model, "input_shape", None)
    sides = shape[1:3] if isinstance(shape, tuple) and len(shape) == 4 else (None, None)
    return (sides[0], sides[1]) if all(isinstance(side, int) for side in sides) else None


def _read_size(info: dict) -> tuple[int, int] | None:
    size = info.get("image_size")
    is_size = isinstance(size, list) and len(size) == 2 and all(isinstance(side, int) for side in size)
    return (size[0], size[1]) if is_size else None
