"""Every format and precision that this machine can run, side by side."""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec.structs import replace

from residual._text import first_line
from residual.data.images import Dataset
from residual.engines.card import ModelCard
from residual.engines.engine import Engine
from residual.errors import ExportRefused, ResidualError
from residual.evaluation.predict import predict_probabilities
from residual.exporters.calibration import choose_images
from residual.exporters.certificate import MAX_LOSS, Certificate, Machine, describe_machine
from residual.exporters.certified import export_certified
from residual.exporters.formats import EXPORTERS
from residual.exporters.keras_engines import open_export
from residual.exporters.speed import BATCH, measure_speed

if TYPE_CHECKING:
    import keras

PRECISIONS = ("fp32", "bf16", "int8")


class BenchRow(msgspec.Struct, frozen=True, kw_only=True):
    """One format in one precision.

    Attributes:
        format, precision: of the export.
        certificate: None if the file could not be written or opened.
        reason: why it cannot be used; "" if it can.
    """

    format: str
    precision: str
    certificate: Certificate | None = None
    reason: str = ""


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """The table.

    Attributes:
        run: name of the run.
        images: how many validation images were compared.
        rows: in the order of `EXPORTERS`.
        machine: where it was measured.
    """

    run: str
    images: int
    rows: tuple[BenchRow, ...]
    machine: Machine

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values, for JSON."""
        return msgspec.to_builtins(self)


def bench_exports(
    model: "keras.Model",
    card: ModelCard,
    split: Dataset,
    max_loss: float = MAX_LOSS,
    report: Callable[[str], None] = lambda text: None,
) -> Bench:
    """Export a network to everything that this machine can run, compare each file with it, and time them in turns.

    The files lie in a temporary folder, and are removed.

    Args:
        model, card: as `export_model` takes them.
        split: has validation images to compare on, and training images to calibrate int8 on.
        max_loss: points of accuracy that "bf16" and "int8" may lose.
        report: is called with what is being done.
    """
    validation = split.validation
    if validation is None:
        raise ResidualError("split must have validation images; got none.")
    report("computing the network's own answers")
    network = predict_probabilities(model, validation.x)
    rows, engines = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for format, precision in list_variants():
            report(f"exporting {format} in {precision}")
            path = Path(folder) / f"{precision}{EXPORTERS[format].suffix}"
            row, engine = _try(model, card, format, path, precision, split, network, max_loss)
            rows.append(row)
            if engine:
                engines[len(rows) - 1] = engine
        report("measuring the speed, in turns")
        timed = {str(number): engine.predict for number, engine in engines.items()}
        for number, speed in measure_speed(timed, validation.x[:BATCH]).items():
            row = rows[int(number)]
            rows[int(number)] = replace(row, certificate=replace(row.certificate, speed=speed))
    return Bench(run=card.name, images=len(validation), rows=tuple(rows), machine=describe_machine())


def list_variants() -> list[tuple[str, str]]:
    """(format, precision) of all that can be exported, the float ones of a format first."""
    return [
        (format, precision)
        for format, exporter in EXPORTERS.items()
        for precision in PRECISIONS
        if precision in exporter.precisions
    ]


def _try(
    model: "keras.Model",
    card: ModelCard,
    format: str,
    path: Path,
    precision: str,
    split: Dataset,
    network: np.ndarray,
    max_loss: float,
) -> tuple[BenchRow, Engine | None]:
    """The row of a format, and the opened file if it can be used."""
    row = BenchRow(format=format, precision=precision)
    try:
        found = export_certified(
            model,
            card,
            format,
            path,
            precision,
            validation=split.validation,  # type: ignore[arg-type]
            calibration=choose_images(split.train) if precision == "int8" else None,
            network=network,
            max_loss=max_loss,
            timed=False,
        )
        return replace(row, certificate=found), open_export(path)
    except ExportRefused as refused:
        return replace(row, certificate=refused.certificate, reason=_describe_loss(refused.certificate)), None
    except (ResidualError, ImportError) as error:
        reason = re.sub(
            rf"{re.escape(str(path.parent))}\S*/", "", first_line(error)
        )  # a temporary folder says nothing
        return replace(row, reason=reason), None


def _describe_loss(certificate: Certificate) -> str:
    if certificate.max_loss is None:
        return f"refused: probabilities differ by up to {certificate.largest_difference:.2g}"
    return f"refused: it loses {-100 * certificate.change.share:.2g} points of accuracy"
