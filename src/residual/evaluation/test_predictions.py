"""What a network predicts for each test image, in its run folder as test_predictions.csv.

    image,true,predicted,confidence
    0,cat,cat,0.9981
    1,dog,cat,0.5312

`image` counts the test images in their order, from 0; `confidence` is the probability of the predicted class.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from residual._atomic import replace_file
from residual.errors import DataError

NAME = "test_predictions.csv"
HEADINGS = ("image", "true", "predicted", "confidence")


@dataclass(frozen=True, eq=False)
class SavedPredictions:
    """Predictions read back, one entry for each test image.

    Attributes:
        true: names of the classes that the images are of.
        predicted: names of the classes that the network gave them.
    """

    true: list[str]
    predicted: list[str]

    @property
    def right(self) -> np.ndarray:
        """bool (n,): which images were given their own class."""
        return np.array([a == b for a, b in zip(self.true, self.predicted, strict=True)], bool)


def save_predictions(rows: np.ndarray, labels: np.ndarray, classes: Sequence[str], folder: Path) -> None:
    """Write test_predictions.csv.

    Args:
        rows: (n, k) probabilities.
        labels: (n,) the true classes' numbers.
        classes: k names.
        folder: of the run.

    Raises:
        OSError: if it cannot be written.
    """
    predicted, confidence = rows.argmax(1), rows.max(1)
    with replace_file(folder / NAME) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADINGS)
        for image, (label, guess, share) in enumerate(zip(labels, predicted, confidence, strict=True)):
            writer.writerow((image, classes[label], classes[guess], f"{share:.4f}"))


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
    if not lines or tuple(lines[0]) != HEADINGS or any(len(line) != len(HEADINGS) for line in lines):
        raise DataError(
            f"{folder / NAME} must have the columns {', '.join(HEADINGS)}. Make it again: residual evaluate."
        )
    return SavedPredictions([line[1] for line in lines[1:]], [line[2] for line in lines[1:]])
