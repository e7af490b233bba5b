"""Augmentations: small values that change a batch of training images at random.

Each is a frozen struct called with images (n, height, width, channels) and a NumPy generator, and returns images of
the same shape and type. `mix` takes and returns the one-hot labels too; a Mixture changes them. Images are uint8 from 0
to 255, or floats on any scale, such as those with a mean image taken away. All are vectorised over the batch.

A new augmentation is a class in a file of its own and a row in `AUGMENTATIONS`.
"""

from collections.abc import Iterable

import numpy as np

from residual._checked import read_kind
from residual.augment.crop import ResizedCrop
from residual.augment.geometry import Affine, AlternatingFlip, Flip, Shift
from residual.augment.light import Light
from residual.augment.mixing import CutMix, Cutout, Mixup
from residual.augment.policy import RandAugment
from residual.augment.values import Augmentation

AUGMENTATIONS: tuple[type[Augmentation], ...] = (
    Flip,
    AlternatingFlip,
    Shift,
    Light,
    Affine,
    ResizedCrop,
    Cutout,
    RandAugment,
    Mixup,
    CutMix,
)


def apply_augmentations(
    x: np.ndarray,
    y: np.ndarray,
    augment: Iterable[Augmentation],
    rng: np.random.Generator,
    images: np.ndarray | None = None,
    epoch: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """A batch with augmentations applied in turn.

    Args:
        x: images (n, h, w, c).
        y: one-hot labels float32 (n, classes); mixed ones sum to 1 too.
        augment: what to apply.
        rng: all of the randomness.
        images: the number of each image among the training images, (n,); None if nobody knows.
        epoch: counted from 0.
    """
    for change in augment:
        x, y = change.mix(x, y, rng) if images is None else change.mix_in_epoch(x, y, rng, images, epoch)
    return x, y


def from_table(table: dict) -> Augmentation:
    """The augmentation that `Augmentation.to_table` wrote.

    Raises:
        RecipeError: for an unknown kind or value, naming those allowed.
    """
    return read_kind(AUGMENTATIONS, table, "augment", '{kind = "flip"}')
