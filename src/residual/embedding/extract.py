"""The features of images by the body of a network: by ONNX Runtime if it can, by Keras otherwise.

ONNX Runtime computes a body in which every batch norm is part of a convolution: on two cores of a Zen 4 it took
BENCH
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from residual._text import first_line
from residual.data.pixel_store import Pixels, pieces
from residual.engines.card import ModelCard
from residual.errors import RunError

BATCH = 32
_CHECKED = 8  # images on which an engine must give the features that Keras gives
_LARGEST = 1e-3  # difference that rounding may make, of the largest feature

Extract = Callable[[Pixels], np.ndarray]


def make_extractor(body: keras.Model, size: tuple[int, int], sample: np.ndarray) -> tuple[Extract, str]:
    """A function of raw images uint8 (n, height, width, 3) that returns their features float32 (n, d).

    Args:
        body: raw pixels in, features out.
        size: (height, width) of the images.
        sample: a few images, on which an engine is compared with Keras.

    Returns:
        The function, and what computes: "ONNX Runtime 1.32.0" or "Keras", with the reason if an engine cannot.
    """
    by_keras = _extract_by_keras(body)
    try:
        engine, runtime = _extract_by_engine(body, size)
        shown = sample[:_CHECKED]
        expected, found = by_keras(shown), engine(shown)
    except Exception as error:  # of onnx and ONNX Runtime, which may be missing or lack an operator
        return by_keras, f"Keras ({first_line(error)})"
    largest = float(np.abs(expected - found).max()) / (float(np.abs(expected).max()) or 1.0)
    if not largest < _LARGEST:
        return by_keras, f"Keras (ONNX Runtime gives other features, by {largest:.2g} of the largest)"
    return engine, runtime


def _extract_by_keras(body: keras.Model) -> Extract:
    from residual.backend import no_gradients
    from residual.backend.quiet import allow_retracing

    def extract(images: Pixels) -> np.ndarray:
        with allow_retracing(), no_gradients():
            found = [body.predict(part, batch_size=BATCH, verbose=0) for part in pieces(images, BATCH)]
        return _join(found, body.outputs[0].shape[-1])

    return extract


def _extract_by_engine(body: keras.Model, size: tuple[int, int]) -> tuple[Extract, str]:
    """By ONNX Runtime; its file is gone when it has been opened.

    Raises:
        RunError: if a layer cannot be exported, or a package is missing.
    """
    from residual.engines.onnx import OnnxEngine
    from residual.exporters.onnx import make_onnx

    card = ModelCard(
        name=body.name,
        network=body.name,
        classes=tuple(str(i) for i in range(body.outputs[0].shape[-1])),
        image_size=size,
        precision="fp32",
        exported_to="onnx",
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "body.onnx"
        path.write_bytes(make_onnx(body, card).SerializeToString())
        engine = OnnxEngine(path)

    def extract(images: Pixels) -> np.ndarray:
        found = [
            engine.predict(part[start : start + BATCH])
            for part in pieces(images, BATCH)
            for start in range(0, len(part), BATCH)
        ]
        return _join(found, len(card.classes))

    return extract, engine.runtime


def _join(parts: list[Any], width: int) -> np.ndarray:
    found = np.concatenate(
        [np.asarray(part, np.float32) for part in parts] or [np.zeros((0, width), np.float32)]
    )
    if not np.isfinite(found).all():
        raise RunError("The features are not finite: the weights are damaged.")
    return found
