"""What a network predicts for each test image, in its run folder as test_predictions.csv.

    image,true,predicted,confidence
    cats/7.jpg,cat,cat,0.9981
    dogs/2.jpg,dog,cat,0.5312

The test images stand in their order. `image` is the name that the data has for it; of images that lie in arrays it is
their number, from 0. `confidence` is the probability of the predicted class.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from residual._atomic import replace_file
from residual.errors import DataError

if TYPE_CHECKING:
    from residual.data.images import ImageNames

NAME = "test_predictions.csv"
HEADINGS = ("image", "true", "predicted", "confidence")


@dataclass(frozen=True, eq=False)
class SavedPredictions:
    """Predictions read back, one entry for each test image.

    Attributes:
        true: names of the classes that the images are of.
        predicted: names of the classes that the network gave them.
        images: their names or numbers.
        confidence: the probability of the predicted class, 0 to 1.
    """

    true: list[str]
    predicted: list[str]
    images: list[str]
    confidence: list[float]

    def __len__(self) -> int:
        return len(self.true)

    @property
    def right(self) -> np.ndarray:
        """bool (n,): which images were given their own class."""
        return np.array([a == b for a, b in zip(self.true, self.predicted, strict=True)], bool)


def save_predictions(
    rows: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    folder: Path,
    names: "ImageNames | None" = None,
) -> None:
    """Write test_predictions.csv.

    Args:
        rows: (n, k) probabilities.
        labels: (n,) the true classes' numbers.
        classes: k names.
        folder: of the run.
        names: of the images; None numbers them.

    Raises:
        OSError: if it cannot be written.
    """
    predicted, confidence = rows.argmax(1), rows.max(1)
    with replace_file(folder / NAME) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADINGS)
        for image, (label, guess, share) in enumerate(zip(labels, predicted, confidence, strict=True)):
            name = names[image] if names is not None else image
            writer.writerow((name, classes[label], classes[guess], f"{share:.4f}"))


def load_predictions(folder: Path) -> SavedPredictions | None:
    """The predictions of a run; None if it has none.

    Raises:
        DataError: if the file is damaged.
    """
    try:
        with (folder / NAME).open(newline="", encoding="utf-8") as file:
            lines = list(csv.reader(file))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{folder / NAME} cannot be read: {error}. Make it again: residual evaluate."
        ) from None
    if len(lines) < 2 or tuple(lines[0]) != HEADINGS or any(len(line) != len(HEADINGS) for line in lines):
        raise DataError(
            f"{folder / NAME} must have the columns {', '.join(HEADINGS)}. Make it again: residual evaluate."
        )
    images, true, predicted, confidence = (list(column) for column in zip(*lines[1:], strict=True))
    try:
        return SavedPredictions(true, predicted, images, [float(share) for share in confidence])
    except ValueError as error:
        raise DataError(f"{folder / NAME} is damaged: {error}. Make it again: residual evaluate.") from None
