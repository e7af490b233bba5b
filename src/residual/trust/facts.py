"""What a run keeps so that its predictions can be judged: trust.npz in the run folder, and its short form for a card.

    confidence, correct        of the validation images: top probability, and whether the label is right
    distances                  of the validation images to the training images; empty without features
    means, directions, ...     the `FeatureSpace`
    features, labels, images   of some training images: float16 (m, d), class, place in the training set
    facts                      JSON: temperature, weights_sha256, rest

The file is a plain .npz without pickles: numpy.load opens it.
"""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from residual._atomic import write_bytes
from residual.errors import RunError
from residual.trust.distance import DistanceLimit, FeatureSpace, choose_limit
from residual.trust.thresholds import USUAL, Threshold, choose_threshold

NAME = "trust.npz"
MOST_IMAGES = 2_000  # training images whose features are kept
_MOST_BYTES = 128 * 2**20  # of all arrays; 2,000 images of 2,048 features and 1,000 classes take 26 MB
_ARRAYS = {
    "confidence": ("f", 1),
    "correct": ("b", 1),
    "distances": ("f", 1),
    "means": ("f", 2),
    "directions": ("f", 2),
    "variances": ("f", 1),
    "features": ("f", 2),
    "labels": ("i", 1),
    "images": ("i", 1),
    "facts": ("u", 1),
}


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """What a model card and report.json say on trust: enough to judge probabilities, without features.

    Attributes:
        temperature: that the weights were divided by; 1 if they were not calibrated.
        thresholds: for the precisions of `thresholds.USUAL`, in this order.
        limit: of the distance to the training images; None if the network has no features to measure it by.
    """

    temperature: float
    thresholds: tuple[Threshold, ...]
    limit: DistanceLimit | None = None

    def find_threshold(self, precision: float) -> Threshold | None:
        """The threshold for a precision; None if it is not among those listed."""
        return next((one for one in self.thresholds if abs(one.precision - precision) < 1e-9), None)


@dataclass(frozen=True, eq=False)
class TrustFacts:
    """What trust.npz holds.

    Attributes:
        weights_sha256: of the network that it is about.
        temperature: that its weights were divided by.
        confidence, correct: (n,) of the validation images.
        space: where the training images lie; None if the network has no features.
        distances: (n,) of the validation images; empty without a space.
        features, labels, images: float16 (m, d), (m,), (m,): some training images, and their places in the training
            split.
    """

    weights_sha256: str
    temperature: float
    confidence: np.ndarray
    correct: np.ndarray
    space: FeatureSpace | None
    distances: np.ndarray
    features: np.ndarray
    labels: np.ndarray
    images: np.ndarray

    def choose_threshold(self, precision: float) -> Threshold:
        """The threshold for any precision."""
        return choose_threshold(self.confidence, self.correct, precision)

    @property
    def limit(self) -> DistanceLimit | None:
        """Beyond which an image is unlike the training images."""
        return None if self.space is None else choose_limit(self.distances)

    def summarize(self) -> Trust:
        """The short form, for report.json and model cards."""
        return Trust(
            temperature=self.temperature,
            thresholds=tuple(self.choose_threshold(precision) for precision in USUAL),
            limit=self.limit,
        )


def save_facts(facts: TrustFacts, folder: Path) -> None:
    """Write trust.npz whole or not at all.

    Raises:
        OSError: if it cannot be written.
    """
    space = facts.space
    none = np.zeros((0, 0), np.float32)
    table = {
        "temperature": facts.temperature,
        "weights_sha256": facts.weights_sha256,
        "rest": None if space is None else space.rest,
    }
    file = io.BytesIO()
    np.savez_compressed(
        file,
        confidence=facts.confidence.astype(np.float32),
        correct=facts.correct.astype(bool),
        distances=facts.distances.astype(np.float32),
        means=none if space is None else space.means,
        directions=none if space is None else space.directions,
        variances=none[0:0].reshape(-1) if space is None else space.variances,
        features=facts.features.astype(np.float16),
        labels=facts.labels.astype(np.int32),
        images=facts.images.astype(np.int32),
        facts=np.frombuffer(json.dumps(table).encode(), np.uint8),
    )
    write_bytes(folder / NAME, file.getvalue())


def load_facts(folder: Path) -> TrustFacts | None:
    """The facts of a run; None if it has none, because an earlier version trained it.

    Raises:
        RunError: if the file is damaged or would fill the memory.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        arrays = _read_arrays(path)
        return _make_facts(arrays, json.loads(arrays["facts"].tobytes()))
    except Exception as error:  # zip, header, JSON and type errors alike
        raise RunError(
            f"{path} is damaged: {str(error) or type(error).__name__}. Put it back, or remove it: images are then "
            "predicted without saying which are unsure or unknown."
        ) from None


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        declared = sum(member.file_size for member in archive.infolist())
    if declared > _MOST_BYTES:
        raise ValueError(f"it would unpack to {declared:,} bytes; {_MOST_BYTES:,} is the most")
    with np.load(path, allow_pickle=False) as file:
        found = {name: file[name] for name in _ARRAYS}
    for name, (kind, dimensions) in _ARRAYS.items():
        array = found[name]
        if array.dtype.kind != kind or array.ndim != dimensions:
            raise ValueError(f"{name} is {array.dtype} with {array.ndim} dimensions")
        if kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{name} is not finite")
    return found


def _make_facts(arrays: dict[str, np.ndarray], table: dict[str, Any]) -> TrustFacts:
    """The facts of arrays whose types are right; ValueError if their shapes do not fit each other."""
    n, (m, d) = len(arrays["confidence"]), arrays["features"].shape
    has_space = bool(arrays["means"].size)
    fits = len(arrays["correct"]) == n and len(arrays["labels"]) == len(arrays["images"]) == m and n > 0
    if has_space:
        r = len(arrays["variances"])
        shapes = arrays["means"].shape[1] == d and arrays["directions"].shape == (d, r)
        fits = fits and shapes and len(arrays["distances"]) == n
        fits = fits and float(table["rest"]) > 0 and bool((arrays["variances"] > 0).all())
    if not fits or not 0 < float(table["temperature"]) < 1e6:
        raise ValueError("its arrays do not fit each other")
    space = FeatureSpace(
        arrays["means"], arrays["directions"], arrays["variances"], float(table["rest"] or 0)
    )
    return TrustFacts(
        weights_sha256=str(table["weights_sha256"]),
        temperature=float(table["temperature"]),
        space=space if has_space else None,
        **{name: arrays[name] for name in ("confidence", "correct", "distances", "features", "labels", "images")},
    )  # fmt: skip
