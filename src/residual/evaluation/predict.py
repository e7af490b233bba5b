"""From image files to labels."""

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from residual._text import describe_value
from residual.data.folders import list_images
from residual.data.image_file import read_image
from residual.data.pixel_store import Pixels, pieces
from residual.errors import DataError
from residual.evaluation.classifier import DEFAULT_PIXELS, PIXELS, Classifier

_BATCH = 64


@dataclass(frozen=True)
class Prediction:
    """What a network says about one image.

    Attributes:
        image: the file.
        label: the most probable class; "" if the image is not readable.
        probability: of that class, 0 to 1.
        probabilities: of every class, by name.
        error: why the image is not readable; "" if it is.
    """

    image: str
    label: str
    probability: float
    probabilities: dict[str, float]
    error: str = ""

    def to_dict(self) -> dict:
        """JSON-able: image and error for an unreadable image, else all but the error."""
        if self.error:
            return {"image": self.image, "error": self.error}
        return {
            "image": self.image,
            "label": self.label,
            "probability": self.probability,
            "probabilities": self.probabilities,
        }


def find_images(names: Sequence[str | Path]) -> list[Path]:
    """The image files that paths, folders and patterns such as 'photos/*.jpg' stand for, in their order.

    Raises:
        DataError: for a path that does not exist, a pattern that matches nothing or a folder without images.
    """
    found: list[Path] = []
    if not isinstance(names, Sequence) or not all(isinstance(name, str | Path) for name in names):
        raise DataError(
            "images must be paths of image files or folders, or patterns such as photos/*.jpg; got "
            f"{describe_value(names)}. For arrays use run.model.predict."
        )
    for name in names:
        path = Path(name).expanduser()
        if path.is_dir():
            files = _list_folder(path)
            if not files:
                raise DataError(f"The folder {path} holds no images.")
            found += files
        elif path.exists() or not glob.has_magic(str(path)):
            if not path.exists():
                raise DataError(f"There is no image {path}.")
            if not path.is_file():
                raise DataError(
                    f"{path} is not a file but a pipe or device. Name image files or folders of them."
                )
            found.append(path)
        else:
            found += _match_pattern(str(path))
    return found


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


def predict_files(classifier: Classifier, files: Sequence[Path]) -> list[Prediction]:
    """A Prediction for each file, in order; a file that is not readable gets one that says why.

    Args:
        classifier: the network, the names of its outputs, and how it takes images.
        files: images of any size; each is scaled and cut to what the model takes.
    """
    predictions: list[Prediction] = []
    for start in range(0, len(files), _BATCH):
        chunk = files[start : start + _BATCH]
        predictions += _predict_chunk(classifier, chunk)
    return predictions


def _predict_chunk(classifier: Classifier, files: Sequence[Path]) -> list[Prediction]:
    size = find_image_size(classifier.model)
    images, errors = [], {}
    for file in files:
        try:
            images.append(read_image(file, size, white=classifier.white))
        except DataError as error:
            errors[file] = str(error)
    rows: Iterator[np.ndarray] = iter(())
    if images:
        rows = iter(predict_probabilities(classifier.model, np.stack(images), pixels=classifier.pixels))
    return [
        Prediction(str(file), "", 0.0, {}, errors[file])
        if file in errors
        else _make_prediction(file, next(rows), classifier.classes)
        for file in files
    ]


def _make_prediction(file: Path, row: np.ndarray, classes) -> Prediction:
    best = int(row.argmax())
    by_name = {name: float(p) for name, p in zip(classes, row, strict=True)}
    return Prediction(str(file), classes[best], float(row[best]), by_name)


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
    scale = PIXELS[pixels]
    parts = [model.predict(scale(part), batch_size=batch_size, verbose=0) for part in pieces(x, batch_size)]
    rows = np.concatenate([np.asarray(part, np.float32) for part in parts])
    if not np.allclose(rows.sum(1), 1, atol=0.05):
        raise DataError(
            "The model's outputs are not probabilities: they do not sum to 1. End it with a softmax."
        )
    return rows
