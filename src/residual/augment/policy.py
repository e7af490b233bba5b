"""RandAugment: operations drawn at random for every image."""

from typing import Annotated

import numpy as np
from msgspec import Meta

from residual._checked import Whole
from residual.augment.operations import OPERATIONS
from residual.augment.values import Augmentation
from residual.errors import DataError


class RandAugment(Augmentation, frozen=True, tag="randaugment"):
    """Apply `n` operations to every image, one after another, each drawn from fourteen (arXiv:1909.13719).

    They are identity, autocontrast, equalize, rotate, solarize, color, posterize, contrast, brightness,
    sharpness, and shear and translate along x and y. The operations that have two directions take either,
    half of the time each. For uint8 images of three colours only: bits and histograms mean nothing on others.

    Attributes:
        n: operations per image.
        magnitude: of all operations, from 0 to 10, where 10 is the most that AutoAugment allows: shear 0.3,
            translate 0.45 of a side, rotate 30 degrees, factors 0.1 and 1.9, 4 bits, all values inverted.
            Libraries that count 31 steps have 3 for each of these: their 9 is 3 here. Autocontrast and equalize
            have none: they act in full at 0 too.
    """

    n: Whole = 2
    magnitude: Annotated[float, Meta(ge=0, le=10)] = 5.0

    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Raises DataError for images that are not uint8 (n, h, w, 3)."""
        if x.dtype != np.uint8 or x.ndim != 4 or x.shape[-1] != 3:
            raise DataError(f"augment randaugment: needs uint8 images (n, h, w, 3); got {x.dtype} {x.shape}.")
        out = x.copy()
        for _ in range(self.n):
            drawn = rng.integers(0, len(OPERATIONS), len(x))
            amount = self.magnitude / 10 * rng.choice((-1, 1), len(x))
            for index, operation in enumerate(OPERATIONS):
                which = np.flatnonzero(drawn == index)
                if len(which):
                    out[which] = operation(out[which], amount[which])
        return out
