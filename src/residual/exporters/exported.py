"""An exported file with all that stands beside it: card, certificate, and programs that use it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from residual._text import format_bytes
from residual.engines.card import ModelCard, card_path
from residual.errors import RunError
from residual.exporters.certificate import Certificate
from residual.exporters.export import check_format, check_free, export_model, list_files
from residual.exporters.formats import EXPORTERS
from residual.exporters.snippets import write_snippets

if TYPE_CHECKING:
    import keras

    from residual.data.images import Dataset
    from residual.runs.folder import RunFolder


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What an export wrote.

    Attributes:
        path: the file, or the folder of a SavedModel.
        format, precision: that it was exported to.
        card: the model card beside it.
        files: all that was written for it, `path` first.
        size: bytes of the exported network.
        certificate: how it compares with the network; None if there were no validation images.
    """

    path: Path
    format: str
    precision: str
    card: Path
    files: tuple[Path, ...]
    size: int
    certificate: Certificate | None = None

    def __str__(self) -> str:
        names = ", ".join(file.name for file in self.files[1:])
        return f"{self.path} ({self.format}, {self.precision}, {format_bytes(self.size)}), beside it {names}"

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values."""
        return msgspec.to_builtins(self, enc_hook=str)


def export_trained(
    folder: "RunFolder",
    load: Callable[[], "keras.Model"],
    to: str = "onnx",
    precision: str = "fp32",
    out: str | Path | None = None,
    *,
    max_loss: float = 0.5,
    certify: bool = True,
    data: Any = None,
) -> Exported:
    """Export the network of a run; the arguments are those of `residual.export`.

    Args:
        folder: of the run.
        load: returns its network.
        to, precision, out, max_loss, certify, data: as `residual.export` takes them.

    Raises:
        DataError, ExportRefused, RunError: as for `residual.export`.
    """
    from residual.exporters.describe import describe_run
    from residual.training.reload import reload_split

    check_format(to, precision)
    target = folder.path / "exports" if out is None else Path(out)
    check_free(*list_files(find_target(target, folder.path.name, to, precision), to))
    make_folder(target)
    if precision == "int8" and not certify:
        raise RunError("precision int8 is chosen by the validation images: leave `certify` on.")
    split = reload_split(folder, data) if certify else None
    return write_export(load(), describe_run(folder), to, precision, target, split, max_loss)


def find_target(folder: Path, name: str, format: str, precision: str) -> Path:
    """NAME.onnx, or NAME-int8.onnx, in a folder.

    Raises:
        RunError: if the folder is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise RunError(f"out must be a folder; {folder} is a file.")
    return folder / f"{name}{'' if precision == 'fp32' else f'-{precision}'}{EXPORTERS[format].suffix}"


def make_folder(folder: Path) -> None:
    """Make the folder of an export, before anything is computed for it.

    Raises:
        RunError: if it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        reason = "" if os.access(folder, os.W_OK | os.X_OK) else "it is read-only"
    except OSError as error:
        reason = f"it cannot be made ({error.strerror})"
    if reason:
        raise RunError(
            f"out must be a folder that can be written to; {folder} is none: {reason}. Choose another folder as `out`."
        )


def write_export(
    model: "keras.Model",
    card: ModelCard,
    format: str,
    precision: str,
    folder: Path,
    split: "Dataset | None" = None,
    max_loss: float = 0.5,
) -> Exported:
    """Write a network as NAME.onnx or NAME-int8.onnx into a folder, compare it, and write what stands beside it.

    Args:
        model, card, format, precision: as `export_model` takes them.
        folder: is made if it is missing.
        split: training and validation images of the run; None writes no certificate.
        max_loss: points of accuracy that "bf16" and "int8" may lose.

    Raises:
        ExportRefused: if the file answers otherwise than the network; nothing is left of it.
        RunError: as for `export_model`.
    """
    check_format(format, precision)
    path = find_target(folder, card.name, format, precision)
    check_free(*list_files(path, format))
    make_folder(folder)
    certificate = None
    if split is None:
        export_model(model, card, format, path, precision)
    else:
        certificate = _export_certified(model, card, format, path, precision, split, max_loss)
    # The programs scale photos as training here does; imported weights may expect something else.
    has_snippets = format == "onnx" and card.preprocessing is None
    snippets = write_snippets(path, card) if has_snippets else []
    files = [path, *([path.with_suffix(".bin")] if format == "openvino" else []), card_path(path)]
    if certificate:
        files += [path.with_name(f"{path.name}.certificate{ending}") for ending in (".json", ".html")]
    return Exported(
        path=path,
        format=format,
        precision=precision,
        card=card_path(path),
        files=(*files, *snippets),
        size=_measure(path),
        certificate=certificate,
    )


def _export_certified(
    model: "keras.Model",
    card: ModelCard,
    format: str,
    path: Path,
    precision: str,
    split: "Dataset",
    max_loss: float,
) -> Certificate:
    from residual.exporters.calibration import choose_images
    from residual.exporters.certified import export_certified

    if split.validation is None:
        raise RunError("split must have validation images; got none.")
    return export_certified(
        model,
        card,
        format,
        path,
        precision,
        validation=split.validation,
        calibration=choose_images(split.train) if precision == "int8" else None,
        max_loss=max_loss,
        source=split.name,
    )


def _measure(path: Path) -> int:
    """Bytes of a file, of a folder, or of OpenVINO's two files."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    both = (path, path.with_suffix(".bin")) if path.suffix == ".xml" else (path,)
    return sum(file.stat().st_size for file in both)
