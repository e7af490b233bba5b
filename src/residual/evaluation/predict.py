"""From image files, Pillow images and arrays to labels."""

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from residual._text import describe_value
from residual.backend.quiet import allow_retracing
from residual.data.folders import list_images
from residual.data.image_file import fit_image, read_image
from residual.data.pixel_store import Pixels, pieces
from residual.data.pixels import CHANNELS, to_bytes, to_rgb
from residual.data.preprocessing import Preprocessing, prepare_image
from residual.errors import DataError
from residual.evaluation.classifier import DEFAULT_PIXELS, PIXELS, Classifier
from residual.evaluation.predictions import Prediction, PredictionList
from residual.evaluation.verdicts import Viewer
from residual.trust.judge import Verdict

if TYPE_CHECKING:
    from PIL.Image import Image

Shown = Union[Path, np.ndarray, "Image"]  # one image

_BATCH = 64
_BRIGHTEST = 65535.0
_NAMED = 3  # names that stand for nothing, in a message


@dataclass(frozen=True)
class MissingImage:
    """A name without an image.

    Attributes:
        name: as it was given.
        reason: a sentence.
    """

    name: str
    reason: str

    def __str__(self) -> str:
        return self.name


def find_images(images: Any) -> list[Shown | MissingImage]:
    """The single images that a user names or gives, in their order; nothing is read.

    Args:
        images: one or a list of: paths, folders, patterns such as 'photos/*.jpg', Pillow images, arrays (height, width)
            and (height, width, 1, 3 or 4), and arrays (n, height, width, 1, 3 or 4) of several images.

    Returns:
        The images, and a `MissingImage` for each name that stands for nothing, if there are images beside it.

    Raises:
        DataError: if no name stands for an image, and for anything else than names and images.
    """
    several = images if isinstance(images, Sequence) and not isinstance(images, str) else [images]
    found: list[Shown | MissingImage] = []
    for one in several:
        if not isinstance(one, str | Path):
            found += _find_given(one)
            continue
        try:
            found += find_files(one)
        except DataError as error:
            found.append(MissingImage(str(one), str(error)))
    missing = [image for image in found if isinstance(image, MissingImage)]
    if missing and len(missing) == len(found):
        reasons = dict.fromkeys(image.reason for image in missing)
        raise DataError(" ".join(list(reasons)[:_NAMED]))
    return found


def _find_given(image: Any) -> list[Shown]:
    """The images of a Pillow image or an array."""
    from PIL.Image import Image

    if isinstance(image, Image):
        return [image]
    shape = getattr(image, "shape", None)
    if shape is not None:
        return _split_array(np.asarray(image))
    raise DataError(
        "images must be paths of image files or folders, patterns such as photos/*.jpg, Pillow images or arrays "
        f"(height, width, 3); got {describe_value(image)}."
    )


def _split_array(array: np.ndarray) -> list[Shown]:
    """The images of an array, each (height, width, channels)."""
    is_one = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in CHANNELS)
    several = [array] if is_one else list(array) if array.ndim == 4 and array.shape[3] in CHANNELS else None
    if several is None or array.dtype.kind not in "biuf" or not array.size:
        raise DataError(
            "images must be arrays of numbers (height, width, 3) or (n, height, width, 3); got "
            f"{array.dtype} {array.shape}."
        )
    return [one[..., None] if one.ndim == 2 else one for one in several]


def find_files(name: str | Path) -> list[Path]:
    """The image files that a path, a folder or a pattern such as 'photos/*.jpg' stands for, in their order.

    Raises:
        DataError: for a path that does not exist, a pattern that matches nothing or a folder without images.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        files = _list_folder(path)
        if not files:
            raise DataError(f"The folder {path} holds no images.")
        return files
    if path.exists() or not glob.has_magic(str(path)):
        if not path.exists():
            raise DataError(f"There is no image {path}.")
        if not path.is_file():
            raise DataError(
                f"{path} is not a file but a pipe or device. Name image files or folders of them."
            )
        return [path]
    return _match_pattern(str(path))


def _list_folder(folder: Path) -> list[Path]:
    try:
        return list_images(folder)
    except OSError as error:
        raise DataError(f"{error.filename or folder} may not be read: {error.strerror}.") from None


def _match_pattern(pattern: str) -> list[Path]:
    """The files that a pattern matches, and the images in the folders that it matches; each once."""
    matches = [Path(match) for match in sorted(glob.glob(pattern, recursive=True))]
    found = [
        file
        for match in matches
        for file in (_list_folder(match) if match.is_dir() else [match] if match.is_file() else [])
    ]
    if not found:
        folders = sum(match.is_dir() for match in matches)
        more = f": it matches {folders:,} folders without images" if folders else ""
        raise DataError(f"No image matches {pattern!r}{more}.")
    return list(dict.fromkeys(found))


def predict_images(
    classifier: Classifier,
    images: Sequence[Shown | MissingImage],
    precision_at: float | str | None = None,
) -> PredictionList:
    """A Prediction for each image, in order; one that is missing or not readable gets one that says why.

    Args:
        classifier: the network, the names of its outputs, and how it takes images.
        images: from `find_images`, of any size; each is scaled and cut to what the model takes.
        precision_at: as `Viewer` takes it.

    Raises:
        DataError, RunError: as for `Viewer`.
    """
    viewer = Viewer(classifier, precision_at)
    named = [(name_image(image, number), image) for number, image in enumerate(images)]
    predictions = PredictionList(threshold=viewer.threshold)
    for start in range(0, len(named), _BATCH):
        predictions += _predict_chunk(classifier, viewer, named[start : start + _BATCH])
    return predictions


def name_image(image: Shown | MissingImage, number: int) -> str:
    """What a prediction calls an image: its file, or its place among those given."""
    if isinstance(image, Path | MissingImage):
        return str(image)
    return str(getattr(image, "filename", "") or f"image {number}")


def read_shown(
    image: Shown | MissingImage,
    size: tuple[int, int],
    white: float | None,
    preprocessing: Preprocessing | None = None,
) -> np.ndarray:
    """The pixels of an image, (height, width, 3) of the size that a model takes, 0 to 255.

    Args:
        image: from `find_images`.
        size: (height, width) that the model takes.
        white: the grey value that stands for white in images of more than 8 bits; None for the usual one.
        preprocessing: how the image is scaled and cut; None scales it to cover `size`.

    Returns:
        uint8, or float32 if `preprocessing` does not round: see `prepare_image`.
    """
    if isinstance(image, MissingImage):
        raise DataError(image.reason)
    if preprocessing is not None:
        return prepare_image(_open_upright(image, white), preprocessing)
    if isinstance(image, Path):
        return read_image(image, size, white=white)
    return fit_image(_draw(image, white) if isinstance(image, np.ndarray) else image, size, white)


def _open_upright(image: Shown, white: float | None) -> "Image":
    """An image in its own size, as an upright RGB image of Pillow."""
    from PIL.Image import fromarray

    if isinstance(image, Path):
        return fromarray(read_image(image, white=white))
    drawn = _draw(image, white) if isinstance(image, np.ndarray) else image
    return fromarray(fit_image(drawn, None, white))


def _draw(array: np.ndarray, white: float | None) -> "Image":
    """An array (height, width, channels) as a Pillow image."""
    from PIL import Image

    if array.dtype != np.uint8:
        array = to_bytes(array[None], _find_white(array, white))[0]
    return Image.fromarray(to_rgb(array[None])[0])  # type: ignore[index]


def _find_white(array: np.ndarray, white: float | None) -> float:
    """The value of white: 1 for floats and booleans up to 1, 255 up to 255, else that of the classifier or 65,535."""
    lowest, highest = float(array.min()), float(array.max())
    if not 0 <= lowest <= highest <= _BRIGHTEST:
        raise DataError(
            f"images must have pixels from 0 to 255, or floats from 0 to 1; got {array.dtype} from {lowest:g} to "
            f"{highest:g}."
        )
    if array.dtype.kind in "bf" and highest <= 1:
        return 1.0
    if array.dtype.itemsize == 1 or (array.dtype.kind == "f" and highest <= 255) or array.dtype.itemsize > 2:
        return 255.0 if highest <= 255 else white or _BRIGHTEST
    return white or _BRIGHTEST


def _predict_chunk(
    classifier: Classifier, viewer: Viewer, named: Sequence[tuple[str, Shown | MissingImage]]
) -> list[Prediction]:
    size = find_image_size(classifier.model)
    pixels, errors = [], {}
    for number, (_, image) in enumerate(named):
        try:
            pixels.append(read_shown(image, size, classifier.white, classifier.preprocessing))
        except DataError as error:
            errors[number] = str(error)
    answers: Iterator[tuple[np.ndarray, Verdict | None]] = iter(())
    if pixels:
        rows, verdicts = viewer.view(np.stack(pixels))
        answers = zip(rows, verdicts or [None] * len(rows), strict=True)
    return [
        Prediction(name, "", 0.0, {}, errors[number])
        if number in errors
        else make_prediction(name, *next(answers), classifier.classes)
        for number, (name, _) in enumerate(named)
    ]


def make_prediction(
    name: str, row: np.ndarray, verdict: Verdict | None, classes: Sequence[str]
) -> Prediction:
    """The prediction of one image.

    Args:
        name: of the image.
        row: (k,) probabilities.
        verdict: whether it can be believed; None if nothing is known about that.
        classes: k names.
    """
    best = int(row.argmax())
    by_name = {label: float(p) for label, p in zip(classes, row, strict=True)}
    return Prediction(name, classes[best], float(row[best]), by_name, verdict=verdict)


def find_image_size(model) -> tuple[int, int]:
    """(height, width) that a model takes; DataError if it does not take RGB images of one size."""
    shape = model.input_shape
    if len(shape) != 4 or shape[3] != 3 or None in shape[1:3]:
        raise DataError(f"The model takes {shape}, not RGB images (n, height, width, 3) of one size.")
    return shape[1], shape[2]


def predict_probabilities(
    model, x: Pixels, batch_size: int = 128, pixels: str = DEFAULT_PIXELS
) -> np.ndarray:
    """float32 (n, classes) for raw images uint8 (n, height, width, 3), a few megabytes of them at a time.

    Args:
        model: returns (n, classes) probabilities.
        x: the images.
        batch_size: images at a time.
        pixels: the range that the model takes, a key of `PIXELS`.
    """
    return predict_all(model, x, batch_size, pixels)[0]


def predict_all(model, x: Pixels, batch_size: int = 128, pixels: str = DEFAULT_PIXELS) -> list[np.ndarray]:
    """Every output of a model, float32 (n, ...); the first one is (n, classes) probabilities.

    The arguments are those of `predict_probabilities`.

    Raises:
        DataError: if the first output is not probabilities.
    """
    scale, found = PIXELS[pixels], []
    with allow_retracing():
        for part in pieces(x, batch_size):
            outputs = model.predict(scale(part), batch_size=batch_size, verbose=0)
            found.append(outputs if isinstance(outputs, list) else [outputs])
    rows, *more = [
        np.concatenate([np.asarray(part, np.float32) for part in parts]) for parts in zip(*found, strict=True)
    ]
    if not np.allclose(rows.sum(1), 1, atol=0.05):
        raise DataError(
            "The model's outputs are not probabilities: they do not sum to 1. End it with a softmax."
        )
    return [rows, *more]
