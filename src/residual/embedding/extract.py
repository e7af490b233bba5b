"""The features of images by the body of a network: by the fastest engine of this machine, or by Keras.

An engine computes a body in which every batch norm is part of a convolution. ONNX Runtime and, if it is installed,
OpenVINO are timed on a few of the images. On a busy Zen 4, 32 images by a ResNet-50 at 224 pixels took 2.7 to 3.5 s of
processor time by ONNX Runtime, and 2.2 s by OpenVINO.
"""

import contextlib
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np

from residual._text import first_line
from residual.data.pixel_store import Pixels, pieces
from residual.engines.card import ModelCard
from residual.errors import RunError

BATCH = 32
_CHECKED = 2  # images on which an engine must give the features that Keras gives
_TIMED = 8  # images on which engines are timed
_LARGEST = 1e-3  # difference that rounding may make, of the largest feature

Extract = Callable[[Pixels], np.ndarray]


def make_extractor(body: keras.Model, size: tuple[int, int], sample: np.ndarray) -> tuple[Extract, str]:
    """A function of raw images uint8 (n, height, width, 3) that returns their features float32 (n, d).

    Args:
        body: raw pixels in, features out.
        size: (height, width) of the images.
        sample: some images, on which engines are timed and compared with Keras.

    Returns:
        The function, and what computes: "ONNX Runtime 1.32.0" or "Keras", with the reason if an engine cannot.
    """
    try:
        extract, runtime = _choose_engine(_open_engines(body, size), sample[:_TIMED])
        expected, found = _compute_by_keras(body, sample[:_CHECKED]), extract(sample[:_CHECKED])
    except Exception as error:  # of onnx and the engines, which may be missing or lack an operator
        return _extract_by_keras(body), f"Keras ({first_line(error)})"
    largest = float(np.abs(expected - found).max()) / (float(np.abs(expected).max()) or 1.0)
    if not largest < _LARGEST:
        return _extract_by_keras(
            body
        ), f"Keras ({runtime} gives other features, by {largest:.2g} of the largest)"
    return extract, runtime


def _choose_engine(engines: list[tuple[Extract, str]], sample: np.ndarray) -> tuple[Extract, str]:
    """The engine that computes the sample fastest; each computes it twice, and the second time counts."""
    if len(engines) == 1:
        return engines[0]
    seconds = []
    for extract, _ in engines:
        extract(sample)
        started = time.perf_counter()
        extract(sample)
        seconds.append(time.perf_counter() - started)
    return engines[int(np.argmin(seconds))]


def _compute_by_keras(body: keras.Model, images: np.ndarray) -> np.ndarray:
    """Without compiling, which takes longer than two images do."""
    from residual.backend import no_gradients

    with no_gradients():
        features: Any = body(images.astype(np.float32), training=False)
    return np.asarray(keras.ops.convert_to_numpy(features))


def _extract_by_keras(body: keras.Model) -> Extract:
    from residual.backend import no_gradients
    from residual.backend.quiet import allow_retracing

    def extract(images: Pixels) -> np.ndarray:
        with allow_retracing(), no_gradients():
            found = [body.predict(part, batch_size=BATCH, verbose=0) for part in pieces(images, BATCH)]
        return _join(found, body.outputs[0].shape[-1])

    return extract


def _open_engines(body: keras.Model, size: tuple[int, int]) -> list[tuple[Extract, str]]:
    """The engines that are installed, and their names; their file is gone when they have been opened.

    Raises:
        RunError: if a layer cannot be exported, or ONNX Runtime is missing.
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
        first = OnnxEngine(path)
        found: list[tuple[Extract, str]] = [(_in_batches(first.predict, len(card.classes)), first.runtime)]
        if find_spec("openvino") is not None:
            with contextlib.suppress(Exception):  # the first engine does without it
                found.append(_open_openvino(path, len(card.classes)))
    return found


def _open_openvino(path: Path, width: int) -> tuple[Extract, str]:
    from residual.engines.openvino import import_openvino

    openvino = import_openvino(path)
    core = openvino.Core()
    settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    request = core.compile_model(core.read_model(path), "CPU", settings).create_infer_request()
    name = f"OpenVINO {openvino.__version__.split('-')[0]}"
    return _in_batches(lambda images: request.infer({0: images})[0].copy(), width), name


def _in_batches(compute: Callable[[np.ndarray], np.ndarray], width: int) -> Extract:
    """What computes all images, a batch at a time."""

    def extract(images: Pixels) -> np.ndarray:
        found = [
            compute(part[start : start + BATCH])
            for part in pieces(images, BATCH)
            for start in range(0, len(part), BATCH)
        ]
        return _join(found, width)

    return extract


def _join(parts: list[Any], width: int) -> np.ndarray:
    found = np.concatenate(
        [np.asarray(part, np.float32) for part in parts] or [np.zeros((0, width), np.float32)]
    )
    if not np.isfinite(found).all():
        raise RunError("The features are not finite: the weights are damaged.")
    return found
