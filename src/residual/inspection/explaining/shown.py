"""The images that are explained, as the network sees them, and the files that their pictures go to."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from residual.errors import DataError, RunError
from residual.evaluation.classifier import Classifier
from residual.evaluation.predict import find_image_size, name_image, read_shown


@dataclass(frozen=True, eq=False)
class ShownImages:
    """Images of the size that a network takes.

    Attributes:
        names: the file of each, or "image 0", "image 1", ...
        pixels: uint8 (n, height, width, 3).
        errors: why others could not be read, a sentence for each.
    """

    names: list[str]
    pixels: np.ndarray
    errors: list[str]


def read_images(classifier: Classifier, images: Sequence[Any]) -> ShownImages:
    """The images that can be read.

    Args:
        classifier: whose size they get.
        images: from `evaluation.predict.find_images`.

    Raises:
        DataError: if none can be read; the message is that of the first.
    """
    size = find_image_size(classifier.model)
    names, pixels, errors = [], [], []
    for number, image in enumerate(images):
        try:
            shown = read_shown(image, size, classifier.white, classifier.preprocessing)
            pixels.append(np.rint(shown).astype(np.uint8))
            names.append(name_image(image, number))
        except DataError as error:
            errors.append(str(error))
    if not pixels:
        raise DataError(errors[0] if errors else "There is no image to explain.")
    return ShownImages(names, np.stack(pixels), errors)


def name_files(names: Sequence[str], kind: str, folder: Path) -> list[Path]:
    """A new PNG file for each image: its name, and what is in the picture.

    Args:
        names: of the images; two of the same name get a number.
        kind: such as "gradcam".
        folder: of the files.

    Raises:
        RunError: if one of the files is there already, or the folder is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise RunError(f"out must be a folder; {folder} is a file.")
    files: list[Path] = []
    for name in names:
        stem = Path(name).stem.replace(" ", "-")
        file, count = folder / f"{stem}-{kind}.png", 2
        while file in files:
            file, count = folder / f"{stem}-{count}-{kind}.png", count + 1
        files.append(file)
    there = [file for file in files if file.exists()]
    if there:
        raise RunError(
            f"{there[0]} is there already, and nothing is overwritten. Choose another folder as `out`, or remove it."
        )
    return files
