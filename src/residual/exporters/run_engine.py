"""The engine of a run: its network as engine.onnx, written and compared with the network when training ends."""

import warnings
from typing import TYPE_CHECKING

import numpy as np

from residual._atomic import write_bytes
from residual._text import first_line
from residual.engines import can_keep_engine, open_engine
from residual.engines.card import card_path, hash_file
from residual.errors import ResidualWarning, RunError
from residual.exporters.describe import describe_run
from residual.exporters.export import complete_card, write_card_beside
from residual.exporters.onnx import make_onnx

if TYPE_CHECKING:
    import keras

    from residual.data.images import Images
    from residual.runs.folder import RunFolder

LARGEST = 1e-4  # difference of a probability that rounding may make
_MOST = 1_000  # validation images that are compared


def keep_engine(model: "keras.Model", validation: "Images", folder: "RunFolder") -> bool:
    """Write engine.onnx and its card, unless it answers otherwise than the network; report.json says how it compares.

    Nothing that goes wrong here harms the run: a warning says why there is no engine.

    Args:
        model: the trained network.
        validation: images to compare on.
        folder: of the run, with model.keras and the report.

    Returns:
        Whether there is an engine now.
    """
    if not can_keep_engine():
        return False
    try:
        _write(model, folder)
        comparison = compare_answers(model, validation, folder)
    except Exception as error:  # of onnx, ONNX Runtime or the disk: the run is as good without an engine
        _remove(folder)
        warnings.warn(
            f"No engine is kept, so that predictions load Keras: {first_line(error)}",
            ResidualWarning,
            stacklevel=3,
        )
        if not isinstance(error, OSError):  # it would fail again
            folder.add_to_report(engine={"note": first_line(error)})
        return False
    folder.add_to_report(engine={"file_sha256": hash_file(folder.engine), **comparison})
    return True


def _write(model: "keras.Model", folder: "RunFolder") -> None:
    card = complete_card(describe_run(folder), "onnx", "fp32")
    write_bytes(folder.engine, make_onnx(model, card, with_features=True).SerializeToString())
    write_card_beside(card, folder.engine)


def _remove(folder: "RunFolder") -> None:
    for path in (folder.engine, card_path(folder.engine)):
        path.unlink(missing_ok=True)


def compare_answers(model: "keras.Model", validation: "Images", folder: "RunFolder") -> dict[str, float]:
    """How the engine's answers compare with those of the network on up to 1,000 validation images.

    Args:
        model, validation, folder: as `keep_engine` takes them.

    Returns:
        The number of images, the share of equal labels, and the largest difference of a probability.

    Raises:
        RunError: if a probability differs by `LARGEST` or more.
    """
    from residual.evaluation.engine_network import EngineNetwork
    from residual.evaluation.predict import predict_probabilities

    indices = np.linspace(0, len(validation) - 1, min(len(validation), _MOST)).astype(int)
    images = validation.take(indices).x
    expected = predict_probabilities(model, images)
    found = predict_probabilities(EngineNetwork(open_engine(folder.engine)), images)
    largest = float(np.abs(expected - found).max())
    if not largest < LARGEST:
        raise RunError(
            f"engine.onnx differs from the network by up to {largest:.2g} in a probability on {len(images)} "
            f"validation images, more than rounding may ({LARGEST:g})."
        )
    agreement = float((expected.argmax(1) == found.argmax(1)).mean())
    return {"n": len(images), "agreement": agreement, "largest_difference": largest}
