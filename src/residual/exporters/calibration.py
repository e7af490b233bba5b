"""The training images that show an int8 network which values it will meet."""

from dataclasses import dataclass

import numpy as np

from residual.data.images import Images
from residual.errors import DataError

MOST = 256
_SEED = 0


@dataclass(frozen=True, eq=False)
class Calibration:
    """What int8 is made with.

    Attributes:
        images: uint8 (n, height, width, 3), training images.
        validation: images on which no more than `max_loss` may be lost.
        max_loss: points of accuracy, 0 to 100.
    """

    images: np.ndarray
    validation: Images
    max_loss: float


def choose_images(train: Images, count: int = MOST) -> np.ndarray:
    """Training images, the same ones every time.

    Args:
        train: the training images.
        count: how many at most.

    Returns:
        uint8 (n, height, width, 3).

    Raises:
        DataError: if there are none.
    """
    if not len(train):
        raise DataError("train must hold at least one image, to calibrate int8 on; got none.")
    chosen = np.random.default_rng(_SEED).choice(len(train), min(count, len(train)), replace=False)
    return np.asarray(train.x[np.sort(chosen)])
