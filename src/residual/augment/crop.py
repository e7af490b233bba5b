"""Cut out a part and scale it to the size of the image."""

from typing import Annotated

import numpy as np
from msgspec import Meta

from residual.augment.values import Augmentation, Share, rounded, split_batch

_AREA = "two shares from 0.01 to 1, ascending"
_RATIO = "two numbers from 0.1 to 10, ascending"


class ResizedCrop(Augmentation, frozen=True, tag="resized-crop"):
    """Cut a box out of every image and scale it to the size of the image (arXiv:1409.4842, "Inception" crops).

    The box lies wholly inside the image, anywhere with equal chance. It never changes the shape of the batch.

    Attributes:
        area: the box has from area[0] to area[1] of the image's pixels, all shares with equal chance.
        ratio: its width over its height, relative to those of the image, from ratio[0] to ratio[1], with equal chance
            for twice as wide and half as wide. A box that is wider or higher than the image is drawn with the nearest
            ratio that fits.
    """

    area: Annotated[tuple[Share, Share], Meta(description=_AREA)] = (0.4, 1.0)
    ratio: Annotated[tuple[float, float], Meta(description=_RATIO)] = (3 / 4, 4 / 3)

    def __post_init__(self):
        received = self.area, self.ratio
        super().__post_init__()
        for name, value, (low, high), allowed in (
            ("area", received[0], (0.01, 1), _AREA),
            ("ratio", received[1], (0.1, 10), _RATIO),
        ):
            first, last = getattr(self, name)
            if not low <= first <= last <= high:
                self.refuse(name, allowed, value)

    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        n, height, width, _ = x.shape
        box_height, box_width, top, left = self._draw(n, rng)
        rows = _positions(top, box_height, height)
        columns = _positions(left, box_width, width)
        out = np.empty_like(x)
        for few in split_batch(x):
            _resample(x[few], rows[few], columns[few], out[few])
        return out

    def _draw(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Height, width, top and left of a box for every image, (n,) each, as shares of the image."""
        shares = rng.uniform(0, 1, (4, n))
        area = self.area[0] + (self.area[1] - self.area[0]) * shares[0]
        low, high = np.log(self.ratio)
        ratio = np.clip(np.exp(low + (high - low) * shares[1]), area, 1 / area)
        box_height, box_width = np.sqrt(area / ratio), np.sqrt(area * ratio)
        return box_height, box_width, shares[2] * (1 - box_height), shares[3] * (1 - box_width)


def _positions(first: np.ndarray, length: np.ndarray, pixels: int) -> np.ndarray:
    """Where to read along one side, float32 (n, pixels), in pixels, clamped to the image.

    Args:
        first, length: of the box, (n,), as shares of the side.
        pixels: of the side.
    """
    middles = (np.arange(pixels) + 0.5) / pixels
    positions = (first[:, None] + length[:, None] * middles) * pixels - 0.5
    return np.clip(positions, 0, pixels - 1).astype(np.float32)


def _resample(x: np.ndarray, rows: np.ndarray, columns: np.ndarray, out: np.ndarray) -> None:
    """Write into `out` x (n, h, w, c) read at these rows (n, h) and columns (n, w), first along one, then the other."""
    n, height, width, channels = x.shape
    image = np.arange(n)[:, None]
    top, left = rows.astype(np.intp), columns.astype(np.intp)
    bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    # Whole numbers would promote the weights, and all arithmetic after them, to float64.
    down, across = rows - top.astype(np.float32), columns - left.astype(np.float32)
    upper = x[image, top].astype(np.float32)
    lower = x[image, bottom].astype(np.float32)
    lower -= upper
    lower *= down[:, :, None, None]
    upper += lower
    turned = np.ascontiguousarray(upper.transpose(0, 2, 1, 3)).reshape(n, width, height * channels)
    first = turned[image, left]
    second = turned[image, right]
    second -= first
    second *= across[:, :, None]
    first += second
    out[...] = rounded(first, x.dtype).reshape(n, width, height, channels).transpose(0, 2, 1, 3)
