"""An export that proves itself: nothing is left that answers otherwise than the network."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Union

from msgspec.structs import replace

from residual._atomic import write_text
from residual.data.images import Images
from residual.engines.card import ModelCard
from residual.errors import ExportRefused, RunError
from residual.exporters.calibration import Calibration
from residual.exporters.certificate import MAX_LOSS, Certificate, certify, describe_refusal
from residual.exporters.certificate_html import format_page
from residual.exporters.export import (
    check_format,
    check_free,
    complete_card,
    export_model,
    list_files,
    write_card_beside,
)
from residual.exporters.formats import EXPORTERS
from residual.exporters.keras_engines import open_export
from residual.exporters.quantize_onnx import write_onnx_attempts
from residual.exporters.quantize_openvino import write_openvino_attempts
from residual.exporters.speed import BATCH, measure_speed

if TYPE_CHECKING:
    import keras
    import numpy as np

Attempts = Callable[["keras.Model", ModelCard, Path, Calibration], Iterator[tuple[str, ...]]]
QUANTIZERS: dict[str, Attempts] = {
    "onnx": write_onnx_attempts,
    "openvino": write_openvino_attempts,
}


def export_certified(
    model: "keras.Model",
    card: ModelCard,
    format: str,
    path: Path,
    precision: str = "fp32",
    *,
    validation: Images,
    calibration: Union["np.ndarray", None] = None,
    network: Union["np.ndarray", None] = None,
    max_loss: float = MAX_LOSS,
    overwrite: bool = False,
    timed: bool = True,
    source: str = "",
) -> Certificate:
    """Write a network in a format, open the file again, and compare it with the network.

    The certificate lies beside the file: that of signs.onnx is signs.onnx.certificate.json, and the same as a page in
    signs.onnx.certificate.html. All files appear together, or none does.

    Args:
        model, card, format, path, precision, overwrite: as `export_model` takes them.
        validation: the images to compare on; never test images.
        calibration: uint8 (n, height, width, 3), training images; only "int8" needs them.
        network: float32 (n, classes), what the model gives for the validation images; None computes it.
        max_loss: points of accuracy that "bf16" and "int8" may lose.
        timed: measure the speed too.
        source: name of the data, for the certificate.

    Raises:
        ExportRefused: if the file does not keep the rule; it is removed.
        RunError: as for `export_model`.
    """
    _check_request(format, path, precision, max_loss, calibration is not None)
    if not overwrite:
        check_free(*list_files(path, format))
    if network is None:
        from residual.evaluation.predict import predict_probabilities

        network = predict_probabilities(model, validation.x)
    with _appear_together(path) as hidden:
        needs = None if calibration is None else Calibration(calibration, validation, max_loss)
        for float_layers in _write_attempts(model, card, format, hidden, precision, needs):
            engine = open_export(hidden)
            found = certify(
                engine,
                network,
                validation,
                hidden,
                max_loss=max_loss,
                timed=False,
                source=source,
                calibration_images=None if needs is None else len(needs.images),
                float_layers=float_layers,
            )
            if found.accepted:
                break
        if not found.accepted:
            raise ExportRefused(f"{path.name} is refused: {describe_refusal(found)}", found)
        if timed:
            speed = measure_speed({"": engine.predict}, validation.x[:BATCH])[""]
            found = replace(found, speed=speed)
        del engine  # Windows moves no file that is open
        write_certificate(found, hidden)
    return found


def _check_request(format: str, path: Path, precision: str, max_loss: float, has_calibration: bool) -> None:
    """Refuse what is wrong in itself, before anything is computed.

    Raises:
        RunError: saying what is allowed.
    """
    check_format(format, precision)
    suffix = EXPORTERS[format].suffix
    if path.suffix != suffix:
        raise RunError(f"path must end in {suffix} for {format}; got {path}.")
    if not 0 <= max_loss <= 100:
        raise RunError(f"max_loss must be points of accuracy from 0 to 100; got {max_loss}.")
    if precision == "int8" and not has_calibration:
        raise RunError("calibration must be training images for int8; got None.")


def write_certificate(certificate: Certificate, path: Path) -> None:
    """Write a certificate beside an exported file, as JSON and as a page."""
    write_text(path.with_name(f"{path.name}.certificate.json"), certificate.to_json())
    write_text(path.with_name(f"{path.name}.certificate.html"), format_page(certificate))


def _write_attempts(
    model: "keras.Model",
    card: ModelCard,
    format: str,
    path: Path,
    precision: str,
    calibration: Calibration | None,
) -> Iterator[tuple[str, ...]]:
    """Write the file and its card, again with more float layers if asked on; yields the names of the float layers."""
    if precision != "int8" or calibration is None:
        export_model(model, card, format, path, precision)
        yield ()
        return
    card = complete_card(card, format, precision)
    for float_layers in QUANTIZERS[format](model, card, path, calibration):
        write_card_beside(card, path)
        yield float_layers


@contextmanager
def _appear_together(path: Path) -> Iterator[Path]:
    """A path of the same name in a hidden folder; at the end all that lies there takes its place beside `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = path.with_name(f".{path.stem}-{secrets.token_hex(4)}")
    folder.mkdir()
    try:
        yield folder / path.name
        for item in sorted(folder.iterdir()):
            target = path.with_name(item.name)
            if target.is_dir():
                shutil.rmtree(target)
            os.replace(item, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
