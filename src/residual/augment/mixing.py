"""Erase a square, or mix pairs of images and their labels."""

from typing import Annotated

import numpy as np
from msgspec import Meta

from residual._checked import Whole
from residual.augment.values import Augmentation, Mixture

_Alpha = Annotated[float, Meta(ge=0, le=100)]
GREY = 128


class Cutout(Augmentation, frozen=True, tag="cutout"):
    """Cover a square of every image (DeVries & Taylor 2017, arXiv:1708.04552).

    Its middle lies on any pixel, so that part of it may lie outside. uint8 images get mid-grey, 128; floats
    get 0, as in the paper, which erases after the mean is taken away.

    Attributes:
        pixels: side of the square; the paper has 16 for CIFAR-10 and 8 for CIFAR-100.
    """

    pixels: Whole = 8

    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        out = x.copy()
        n, height, width, _ = x.shape
        fill = GREY if x.dtype == np.uint8 else 0
        rows, columns = rng.integers(0, height, n), rng.integers(0, width, n)
        for image, row, column in zip(out, rows.tolist(), columns.tolist(), strict=True):
            image[_stretch(row, self.pixels), _stretch(column, self.pixels)] = fill
        return out


class Mixup(Mixture, frozen=True, tag="mixup"):
    """Blend every image, and its label, with another of the batch (arXiv:1710.09412).

    One share, drawn from Beta(alpha, alpha), serves the whole batch, as in the paper. It is a whole number
    of 256ths: pixels and labels are mixed by the same share, and uint8 images in whole numbers.

    Attributes:
        alpha: 0 mixes nothing, 1 draws all shares alike; the paper has 0.1 to 0.4 for ImageNet and 1 for CIFAR.
    """

    alpha: _Alpha = 0.2

    def mix(self, x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        kept = round(256 * _share(self.alpha, rng))
        other = rng.permutation(len(x))
        if x.dtype == np.uint8:
            out = np.multiply(x, kept, dtype=np.uint16)
            out += np.multiply(x[other], 256 - kept, dtype=np.uint16)
            out += 128  # what is cut off next would round down
            out >>= 8
            out = out.astype(np.uint8)
        else:
            out = x * (kept / 256) + x[other] * (1 - kept / 256)
        return out, _mixed_labels(y, other, kept / 256)


class CutMix(Mixture, frozen=True, tag="cutmix"):
    """Replace a box of every image by the same box of another of the batch (arXiv:1905.04899).

    One box serves the whole batch, as in the paper: its area, before the image's border cuts it, is a share
    drawn from Beta(alpha, alpha). Labels are mixed by the area that is replaced in the end.

    Attributes:
        alpha: 0 mixes nothing, 1 draws all areas alike, as the paper has it.
    """

    alpha: _Alpha = 1.0

    def mix(self, x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        _, height, width, _ = x.shape
        side = np.sqrt(1 - _share(self.alpha, rng))
        other = rng.permutation(len(x))
        rows = _stretch(int(rng.integers(0, height)), int(side * height))
        columns = _stretch(int(rng.integers(0, width)), int(side * width))
        out = x.copy()
        out[:, rows, columns] = x[other, rows, columns]
        replaced = out[0, rows, columns, 0].size / (height * width)
        return out, _mixed_labels(y, other, 1 - replaced)


def _share(alpha: float, rng: np.random.Generator) -> float:
    """Of an image that is kept, from Beta(alpha, alpha); 1 if alpha is 0."""
    return float(rng.beta(alpha, alpha)) if alpha else 1.0


def _stretch(middle: int, length: int) -> slice:
    """The pixels of `length` about one of them; the one before the middle if `length` is even."""
    first = middle - length // 2
    return slice(max(0, first), first + length)


def _mixed_labels(y: np.ndarray, other: np.ndarray, kept: float) -> np.ndarray:
    return y * kept + y[other] * (1 - kept)
