"""The size that photos are scaled to if nobody names one: chosen from the photos themselves."""

import io
import statistics
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np

from residual.data.formats import list_readable
from residual.data.image_file import QUIET
from residual.data.source import FileSource, Source

SIDES = (64, 96, 128)  # multiples of 32, by which most networks scale images down
# Training images times pixels of each; with more the side is smaller. It is about 40 minutes of recipe `images` on one
# core of a busy Zen 4, which took 44 s for 180 photos of 64x64.
MOST_WORK = 40e6
_LOOKED_AT = 200  # photos


@dataclass(frozen=True)
class PhotoSize:
    """A size, and why it was chosen.

    Attributes:
        side: pixels; photos are scaled to (side, side).
        reason: a sentence for the user.
    """

    side: int
    reason: str


def has_photos(source: Source) -> TypeGuard[FileSource]:
    """Whether the images are files of any sizes, and not arrays or files that keep the size that they have."""
    return isinstance(source, FileSource) and not source.keeps_size


def choose_photo_size(source: FileSource) -> PhotoSize | None:
    """The largest of `SIDES` that the median photo has and that is quick enough to train on; the smallest at least.

    Only the headers of some photos are read. The time of a training grows with the square of the side. Photos that are
    smaller than the smallest side are scaled up: with 200 images of CIFAR-10, 64 pixels a side instead of their 32 gave
    6 points more (docs/results.md), because the networks scale images down 32 times.

    Args:
        source: photos, listed and not decoded.

    Returns:
        The size; None if no header can be read.
    """
    rows = source.indices("train")
    some = rows[np.unique(np.linspace(0, len(rows) - 1, _LOOKED_AT).astype(int))]
    sizes = [_read_size(source, i) for i in some.tolist()]
    shorter = [min(size) for size in sizes if size]
    return fit_side(round(statistics.median(shorter)), len(rows)) if shorter else None


def fit_side(median: int, count: int) -> PhotoSize:
    """The side for `count` training photos whose shorter sides have `median` pixels in the median."""
    fitting = [side for side in SIDES if side <= median] or [SIDES[0]]
    quick = [side for side in fitting if count * side**2 <= MOST_WORK] or [SIDES[0]]
    reason = f"their shorter sides have {median:,} pixels (median)"
    if quick != fitting:
        reason += f", but {count:,} photos take long to train at a larger size"
    return PhotoSize(quick[-1], f"photos are scaled to {quick[-1]}x{quick[-1]} pixels: {reason}")


def _read_size(source: FileSource, i: int) -> tuple[int, int] | None:
    """(width, height) as the header of image i says; None if it cannot be read."""
    from PIL import Image

    try:
        content = source.open(i)
        file = io.BytesIO(content) if isinstance(content, bytes) else content
        with QUIET, Image.open(file, formats=list_readable()) as opened:
            return opened.size
    except Exception:  # Pillow's readers raise whatever their format raises; decoding says what is wrong
        return None
