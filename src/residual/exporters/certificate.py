"""The certificate: how an exported file answers, beside the network that was trained.

The file is opened in its own runtime and asked about validation images. Test images are never read for it.
"""

import os
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import msgspec
import numpy as np

from residual._text import format_percent
from residual.backend import processor
from residual.data.images import Images
from residual.data.pixel_store import pieces
from residual.engines.card import hash_file
from residual.engines.engine import Engine
from residual.errors import DataError
from residual.evaluation.metrics import wilson_interval
from residual.evaluation.significance import compare_paired
from residual.exporters.speed import BATCH, Speed, measure_speed

if TYPE_CHECKING:
    import keras

MAX_LOSS = 0.5  # points of accuracy that "bf16" and "int8" may lose
SMALL = 1e-4  # a difference of probabilities that rounding explains
# The largest difference of an image's probabilities: upper ends of the groups that a certificate counts.
_GROUPS = {"below 1e-6": 1e-6, "1e-6 to 1e-5": 1e-5, "1e-5 to 1e-4": 1e-4, "1e-4 to 0.001": 1e-3}
_GROUPS |= {"0.001 to 0.01": 1e-2, "0.01 to 0.1": 0.1, "0.1 and more": np.inf}
_LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")  # what keeps a runtime from instruction sets


class Answer(msgspec.Struct, frozen=True):
    """The most probable class of an image, and its probability."""

    label: str
    probability: float


class WorstImage(msgspec.Struct, frozen=True, kw_only=True):
    """The image on which the two differ most.

    Attributes:
        image: its name, or its number among the images.
        truth: its own class.
        network, file: what each answers.
        difference: of the probabilities of one class, the largest.
    """

    image: str
    truth: str
    network: Answer
    file: Answer
    difference: float


class Accuracy(msgspec.Struct, frozen=True, kw_only=True):
    """How many images get their own class.

    Attributes:
        correct: how many.
        share: the same as a share, 0 to 1.
        interval: its 95% interval.
    """

    correct: int
    share: float
    interval: tuple[float, float]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """The accuracy of the file minus that of the network, on the same images.

    Attributes:
        share: -1 to 1.
        interval: its 95% interval.
        only_network, only_file: images that only one of the two has right.
        p: of the exact McNemar test.
    """

    share: float
    interval: tuple[float, float]
    only_network: int
    only_file: int
    p: float


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where a file was tried.

    Attributes:
        processor: in words.
        instruction_sets: those that decide which kernels a runtime takes.
        limits: settings of the environment that keep a runtime from some of them.
        cores: that the process may use.
        system: such as "Linux x86_64".
    """

    processor: str
    instruction_sets: tuple[str, ...]
    limits: dict[str, str]
    cores: int
    system: str


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """What was found when an exported file was compared with its network.

    Attributes:
        accepted: whether the file keeps the rule.
        rule: what it must keep, in words.
        name, network, image_size: of the card.
        file: name of the file.
        file_sha256, file_bytes: of the file, or of all its files together.
        format, precision: that it was exported to.
        executed_precision: what its runtime computes in here.
        runtime: name and version.
        images: which images were compared, in words.
        n: how many.
        agreeing: images to which both give the same class.
        agreement, agreement_interval: the same as a share, with its 95% interval.
        largest_difference: of two probabilities.
        median_difference: half of the images differ by less, in the class in which they differ most.
        differences: group of differences -> how many images.
        worst: the image on which they differ most.
        network_accuracy, file_accuracy: of both.
        change: from the one to the other.
        max_loss: points of accuracy that the file may lose; None if the rule is another one.
        calibration_images: training images that int8 was calibrated on; None for other precisions.
        float_layers: layers that stayed in float so that int8 keeps the rule.
        speed: None if it was not measured.
        machine: where all this was found.
        weights_sha256: of the network.
        created: date and time, ISO 8601.
    """

    accepted: bool
    rule: str
    name: str
    network: str
    image_size: tuple[int, int]
    file: str
    file_sha256: str
    file_bytes: int
    format: str
    precision: str
    executed_precision: str
    runtime: str
    images: str
    n: int
    agreeing: int
    agreement: float
    agreement_interval: tuple[float, float]
    largest_difference: float
    median_difference: float
    differences: dict[str, int]
    worst: WorstImage
    network_accuracy: Accuracy
    file_accuracy: Accuracy
    change: Change
    max_loss: float | None
    calibration_images: int | None
    float_layers: tuple[str, ...]
    speed: Speed | None
    machine: Machine
    weights_sha256: str
    created: str

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values, for JSON."""
        return msgspec.to_builtins(self)

    def to_json(self) -> str:
        """Indented JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1).decode() + "\n"


def certify(
    engine: Engine,
    network: Union["keras.Model", np.ndarray],
    images: Images,
    path: Path,
    *,
    max_loss: float = MAX_LOSS,
    timed: bool = True,
    source: str = "",
    calibration_images: int | None = None,
    float_layers: tuple[str, ...] = (),
) -> Certificate:
    """Compare an exported file with its network.

    A file in "fp32" must give every image the network's class, or no probability may differ by 1e-4. A file in "bf16"
    or "int8" may lose `max_loss` points of accuracy.

    Args:
        engine: the file, opened again.
        network: the Keras model, or the float32 (n, classes) that it gives for the images.
        images: the validation images.
        path: of the file.
        max_loss: points of accuracy, 0 to 100.
        timed: measure the speed too, in about two seconds.
        source: name of the data, for the certificate.
        calibration_images, float_layers: as `Certificate` has them.

    Raises:
        DataError: if there are no images, or `network` is an array of another shape than what the engine gives.
    """
    if not len(images):
        raise DataError("images must hold at least one validation image; got none.")
    answers = predict_all(engine, images)
    expected = _find_probabilities(network, images)
    if expected.shape != answers.shape:
        raise DataError(f"network must give {answers.shape} probabilities; got {expected.shape}.")
    compared = _compare(expected, answers, images, engine.card.classes)
    is_exact = engine.card.precision == "fp32"
    return Certificate(
        accepted=_keeps_rule(compared, None if is_exact else max_loss),
        rule=_describe_rule(None if is_exact else max_loss),
        name=engine.card.name,
        network=engine.card.network,
        image_size=engine.card.image_size,
        file=path.name,
        file_sha256=hash_file(path),
        file_bytes=measure_size(path),
        format=engine.card.exported_to,
        precision=engine.card.precision,
        executed_precision=engine.find_precision(),
        runtime=engine.runtime,
        images=f"all {len(images):,} validation images" + (f" of {source}" if source else ""),
        max_loss=None if is_exact else max_loss,
        calibration_images=calibration_images,
        float_layers=float_layers,
        speed=measure_speed({"": engine.predict}, images.x[:BATCH])[""] if timed else None,
        machine=describe_machine(),
        weights_sha256=engine.card.weights_sha256,
        created=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        **compared,
    )


def predict_all(engine: Engine, images: Images) -> np.ndarray:
    """float32 (n, classes): what an engine gives for all images, 32 at a time."""
    return np.concatenate(
        [
            engine.predict(piece[start : start + BATCH])
            for piece in pieces(images.x, BATCH)
            for start in range(0, len(piece), BATCH)
        ]
    )


def _find_probabilities(network: Any, images: Images) -> np.ndarray:
    if isinstance(network, np.ndarray):
        return network
    from residual.evaluation.predict import predict_probabilities

    return predict_probabilities(network, images.x)


def _compare(
    expected: np.ndarray, answers: np.ndarray, images: Images, classes: tuple[str, ...]
) -> dict[str, Any]:
    """The fields of a certificate that come from the probabilities of both, (n, classes)."""
    n = len(answers)
    differences = np.abs(answers - expected).max(1)
    first, second = expected.argmax(1), answers.argmax(1)
    agreeing = int((first == second).sum())
    change = compare_paired(first == images.y, second == images.y)
    worst = int(np.nan_to_num(differences, nan=np.inf).argmax())
    return {
        "n": n,
        "agreeing": agreeing,
        "agreement": agreeing / n,
        "agreement_interval": wilson_interval(agreeing, n),
        "largest_difference": float(differences[worst]),
        "median_difference": float(np.median(differences)),
        "differences": _count_groups(differences),
        "worst": WorstImage(
            image=f"validation image {worst}" if images.names is None else images.names[worst],
            truth=classes[int(images.y[worst])],
            network=Answer(classes[first[worst]], float(expected[worst].max())),
            file=Answer(classes[second[worst]], float(answers[worst].max())),
            difference=float(differences[worst]),
        ),
        "network_accuracy": _rate(first == images.y),
        "file_accuracy": _rate(second == images.y),
        "change": Change(
            share=change.value,
            interval=change.interval,
            only_network=int(change.only_first or 0),
            only_file=int(change.only_second or 0),
            p=float(change.p or 0.0),
        ),
    }


def _count_groups(differences: np.ndarray) -> dict[str, int]:
    group = np.searchsorted(list(_GROUPS.values()), differences, side="right")
    return {name: int((group == i).sum()) for i, name in enumerate(_GROUPS)}


def _rate(right: np.ndarray) -> Accuracy:
    correct, n = int(right.sum()), len(right)
    return Accuracy(correct=correct, share=correct / n, interval=wilson_interval(correct, n))


def _keeps_rule(compared: dict[str, Any], max_loss: float | None) -> bool:
    """Whether figures keep the rule; NaN never does."""
    if not np.isfinite(compared["largest_difference"]):
        return False
    if max_loss is None:
        return compared["agreeing"] == compared["n"] or compared["largest_difference"] < SMALL
    return -100 * compared["change"].share <= max_loss + 1e-9


def _describe_rule(max_loss: float | None) -> str:
    if max_loss is None:
        return f"the same class for every image, or no probability differs by {SMALL:g}"
    return f"at most {max_loss:g} points of accuracy lost"


def describe_refusal(certificate: Certificate) -> str:
    """Why a file is not accepted, with the figures, in sentences."""
    n = certificate.n
    shares = (certificate.network_accuracy.share, certificate.file_accuracy.share)
    network, file = (format_percent(share, n) for share in shares)
    return (
        f"it must keep this rule: {certificate.rule}. Of {certificate.images} {certificate.agreeing:,} get the "
        f"network's class. The accuracy is {network} with the network and {file} with the file. The largest "
        f"difference of two probabilities is {certificate.largest_difference:.2g}, on {certificate.worst.image}."
    )


def measure_size(path: Path) -> int:
    """Bytes of an exported file, with OpenVINO's weights beside it, or of a folder."""
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    if path.suffix == ".xml":
        files.append(path.with_suffix(".bin"))
    return sum(file.stat().st_size for file in files)


def describe_machine() -> Machine:
    """The machine that this process runs on."""
    return Machine(
        processor=processor.name(),
        instruction_sets=processor.list_instruction_sets(),
        limits={name: os.environ[name] for name in _LIMITS if name in os.environ},
        cores=processor.count_usable_cores(),
        system=f"{platform.system()} {platform.machine()}",
    )
