"""Handwritten digits that come with scikit-learn."""

import numpy as np

from residual.data.arrays import hold_images
from residual.data.images import Images, resize_all
from residual.data.location import Location
from residual.data.source import ArraySource
from residual.data.splits import stratified_split

_SIDE = 16


class DigitsReader:
    """Reads scikit-learn's digits, doubled to 16x16: 8x8 pixels leave a network's last stage 2x2 to look at."""

    name = "digits"
    label = "digits that come with scikit-learn"
    suffixes: tuple[str, ...] = ()
    options: frozenset[str] = frozenset()

    def matches(self, location: Location) -> bool:
        """By the name of the data."""
        return location.name == "digits"

    def open(self, location: Location) -> ArraySource:
        """The images; a fifth of each digit is for the test."""
        from sklearn.datasets import load_digits

        pixels, labels = load_digits(return_X_y=True)
        grey = (pixels.reshape(-1, 8, 8) * (255 / 16)).round().astype(np.uint8)
        images = Images(np.repeat(grey[..., None], 3, axis=-1), labels.astype(np.int64))
        larger, smaller = stratified_split(images.y, 0.2, seed=0)
        splits = {"train": images.take(larger), "test": images.take(smaller)}
        said = (
            "1,797 real handwritten digits from scikit-learn (UCI), 8x8 doubled to 16x16; "
            "a fifth of each is for the test"
        )
        return hold_images(
            {split: Images(resize_all(part.x, _SIDE), part.y) for split, part in splits.items()},
            name="digits",
            layout=self.label,
            where=said,
            classes=tuple("0123456789"),
            description=said,
        )
