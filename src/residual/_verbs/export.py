"""Exports: a run or a model file becomes a file that other programs run, with what is needed to use it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from residual._open import check_unneeded, find_owner, open_classifier
from residual._run import Run
from residual.backend import import_keras_quietly
from residual.errors import RunError

if TYPE_CHECKING:
    from residual.exporters.exported import Exported

PRECISIONS = ("fp32", "bf16", "int8")
FORMATS = ("onnx", "openvino", "litert", "keras", "savedmodel")  # the keys of `EXPORTERS`
_ODD = re.compile(r"[^A-Za-z0-9._-]+")


def export_run(
    run_or_model: str | Path | Run,
    to: str = "onnx",
    precision: str = "fp32",
    out: str | Path | None = None,
    *,
    max_loss: float = 0.5,
    certify: bool = True,
    data: Any = None,
    classes: Sequence[str] | None = None,
    pixels: str | None = None,
) -> "Exported":
    """Export a run, or a .keras file; the arguments are those of `residual.export`.

    Raises:
        DataError, RunError: as for `residual.export`.
    """
    check_export(to, precision)
    run = run_or_model if isinstance(run_or_model, Run) else find_owner(run_or_model)
    if run is not None:
        check_unneeded(run, classes, pixels)
        return run.export(to, precision, out, max_loss=max_loss, certify=certify, data=data)
    if precision == "int8":
        raise RunError(
            "precision int8 is calibrated on the training images of a run, and a model file has none."
        )
    import_keras_quietly()
    from residual.exporters.describe import describe_classifier, take_raw_pixels
    from residual.exporters.exported import write_export

    path = Path(run_or_model)  # type: ignore[arg-type]
    classifier = open_classifier(path, classes, pixels)
    card = describe_classifier(classifier, _ODD.sub("_", path.stem))
    folder = path.parent if out is None else Path(out)
    return write_export(take_raw_pixels(classifier), card, to, precision, folder)


def check_export(to: str, precision: str) -> None:
    """Refuse a format or precision that there is not, before anything is loaded.

    Raises:
        RunError: naming those that there are.
    """
    if to not in FORMATS:
        raise RunError(f"to must be one of {', '.join(FORMATS)}; got {to!r}.")
    if precision not in PRECISIONS:
        raise RunError(f"precision must be one of {', '.join(PRECISIONS)}; got {precision!r}.")
