"""Mirror, move, turn and scale."""

from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta

from residual._checked import Whole
from residual.augment.values import Augmentation, rounded, split_batch

_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: the top bits of its multiples look random
_Distance = Annotated[float, Meta(ge=0, lt=1e30)]
_DISTANCES = "a number from 0 or two"


class Flip(Augmentation, frozen=True, tag="flip"):
    """Mirror left and right, half of the images."""

    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return _mirror(x, rng.random(len(x)) < 0.5)


class AlternatingFlip(Augmentation, frozen=True, tag="alternating-flip"):
    """Mirror left and right, each image in every other epoch; half of the images begin mirrored (arXiv:2404.00498).

    In two epochs the network sees each image both ways; with coin flips it sees a half of them one way twice. If
    nobody knows which images a batch holds, as when batch-norm statistics are recomputed, this is `Flip`.
    """

    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return _mirror(x, rng.random(len(x)) < 0.5)

    def mix_in_epoch(
        self, x: np.ndarray, y: np.ndarray, rng: np.random.Generator, images: np.ndarray, epoch: int
    ) -> tuple[np.ndarray, np.ndarray]:
        begins_mirrored = (images.astype(np.uint64) * _ODD) >> np.uint64(63)
        return _mirror(x, (begins_mirrored + epoch) % 2 == 1), y


def _mirror(x: np.ndarray, which: np.ndarray) -> np.ndarray:
    """A copy of x (n, h, w, c) in which the images that `which` (n,) marks are mirrored left and right."""
    out, images = x.copy(), x[which]
    for channel in range(x.shape[-1]):  # plane by plane: three times as fast as pixel by pixel
        out[which, :, :, channel] = images[:, :, ::-1, channel]
    return out


class Shift(Augmentation, frozen=True, tag="shift"):
    """Move by up to `pixels` up, down, left and right ("pad and crop").

    Attributes:
        pixels: the farthest move.
        fill: what comes in at the border: "edge" repeats the last pixels, "zero" is black.
    """

    pixels: Whole = 4
    fill: Literal["edge", "zero"] = "edge"

    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        n, height, width, _ = x.shape
        mode = "edge" if self.fill == "edge" else "constant"
        pad = (self.pixels, self.pixels)
        padded = np.pad(x, ((0, 0), pad, pad, (0, 0)), mode=mode)
        top, left = rng.integers(0, 2 * self.pixels + 1, (2, n))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), (1, 2))
        return np.ascontiguousarray(np.moveaxis(windows[np.arange(n), top, left], 1, -1))


class Affine(Augmentation, frozen=True, tag="affine"):
    """Rotate, shift and scale, reading between pixels and repeating the border ("nearest" fill).

    With rotate=20 and shift=0.2 this is the augmentation of the CIFAR-10 notebook.

    Attributes:
        rotate: degrees, drawn from -rotate to rotate; positive ones turn counter-clockwise.
        shift: share of height and width, drawn from -shift to shift; a pair (height, width) sets them apart.
        scale: share below 1, the size is multiplied by 1 - scale to 1 + scale.
    """

    rotate: Annotated[float, Meta(ge=0, le=360)] = 0.0
    shift: Annotated[float | tuple[float, float], Meta(description=_DISTANCES)] = 0.0
    scale: Annotated[float, Meta(ge=0, le=0.99)] = 0.0

    def __post_init__(self):
        received = self.shift
        super().__post_init__()
        try:  # as a pair: msgspec 0.22 crashes on a union of a number that has a range and a pair
            msgspec.convert(self._shift(), tuple[_Distance, _Distance])
        except msgspec.ValidationError:
            self.refuse("shift", _DISTANCES, received)

    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        n, height, width, _ = x.shape
        vertical, horizontal = self._shift()
        reach = np.array([np.deg2rad(self.rotate), self.scale, vertical * height, horizontal * width])
        drawn = rng.uniform(-1, 1, (4, n, 1, 1)) * reach[:, None, None, None]
        angle, stretch, down, right = drawn.astype(np.float32)
        row = np.arange(height, dtype=np.float32)[None, :, None] - (height - 1) / 2 - down
        column = np.arange(width, dtype=np.float32)[None, None, :] - (width - 1) / 2 - right
        cos, sin = np.cos(angle) / (1 + stretch), np.sin(angle) / (1 + stretch)
        row, column = (
            cos * row + sin * column + (height - 1) / 2,
            cos * column - sin * row + (width - 1) / 2,
        )
        out = np.empty_like(x)
        for few in split_batch(x):
            _bilinear(x[few], row[few], column[few], out[few])
        return out

    def _shift(self) -> tuple:
        return self.shift if isinstance(self.shift, tuple) else (self.shift, self.shift)


def _bilinear(x: np.ndarray, row: np.ndarray, column: np.ndarray, out: np.ndarray) -> None:
    """Write into `out` x (n, h, w, c) read at fractional positions, float32 (n, h, w), clamped to the image."""
    n, height, width, channels = x.shape
    row, column = np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)
    top, left = row.astype(np.intp), column.astype(np.intp)
    # Whole numbers would promote the weights, and all arithmetic after them, to float64.
    down, right = row - top.astype(np.float32), column - left.astype(np.float32)
    # Every pixel needs neighbours; those of the last row and column are zeros whose weight is 0.
    plane = np.zeros((n, height + 1, width + 1), np.float32)
    flat = plane.reshape(-1)
    corner = (np.arange(n)[:, None, None] * (height + 1) + top) * (width + 1) + left
    a, b, c, d = np.empty((4, n, height, width), np.float32)
    for channel in range(channels):  # plane by plane: `take` of single values is several times faster
        plane[:, :-1, :-1] = x[..., channel]
        for offset, values in ((0, a), (1, b), (width + 1, c), (width + 2, d)):
            flat[offset:].take(corner, out=values, mode="clip")  # all are inside: "clip" skips the check
        b -= a
        b *= right
        a += b  # along the upper row
        d -= c
        d *= right
        c += d  # along the lower row
        c -= a
        c *= down
        a += c
        out[..., channel] = rounded(a, x.dtype)
