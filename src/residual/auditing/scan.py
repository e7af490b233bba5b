"""One pass over all images: what each one is, in about 300 bytes per image, whatever its size."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np

from residual.data.digests import Digests, group_duplicates, hash_pixels
from residual.data.formats import get_format_suffixes, get_suffix, list_suffixes
from residual.data.image_file import HUGE, LOCKED, NO_MEMORY, QUIET, Unreadable, decode_image
from residual.data.ordered_work import map_in_order
from residual.data.source import Source
from residual.errors import DataError

SIDE = 16  # of the grey miniature that each image leaves behind
_THREADS = 2
_STRIP = 2**20  # pixels hashed at a time


@dataclass(eq=False)
class Facts:
    """What a scan found, by the index of the image.

    Attributes:
        size: int32 (n, 2), width and height in pixels; 0 if it could not be read.
        digests: uint64 (n, 2), equal for images whose pixels are equal.
        miniature: uint8 (n, 16, 16), grey.
        constant: bool (n,), whether all pixels are one colour.
        problems: why an image could not be read: (kind, what the reader said).
        formats: the format of each image that is a file: "PNG".
        wrong_ending: the format of images whose names end otherwise: "PNG".
        near_pairs: images that are nearly the same, of two splits the later one first; `audit` finds them.
    """

    size: np.ndarray
    digests: Digests
    miniature: np.ndarray
    constant: np.ndarray
    problems: dict[int, tuple[str, str]] = field(default_factory=dict)
    formats: dict[int, str] = field(default_factory=dict)
    wrong_ending: dict[int, str] = field(default_factory=dict)
    near_pairs: list[tuple[int, int]] = field(default_factory=list)

    @property
    def readable(self) -> np.ndarray:
        """bool (n,)."""
        return self.size[:, 0] > 0

    @cached_property
    def duplicates(self) -> list[np.ndarray]:
        """The images that share their pixels with others, a sorted array for each picture, by first image."""
        readable = np.flatnonzero(self.readable)
        first = group_duplicates(self.digests[readable])
        order = np.argsort(first, kind="stable")
        groups = np.split(readable[order], np.flatnonzero(np.diff(first[order])) + 1)
        return [group for group in groups if len(group) > 1]


def scan(source: Source, progress: Callable[[int], None] = lambda done: None) -> Facts:
    """Read every image once, whole; memory holds a few of them at a time.

    Args:
        source: what to read.
        progress: called with the number of images done.
    """
    n = len(source)
    facts = Facts(
        np.zeros((n, 2), np.int32),
        np.zeros((n, 2), np.uint64),
        np.zeros((n, SIDE, SIDE), np.uint8),
        np.zeros(n, bool),
    )
    examine = partial(_examine, white=getattr(source, "white", None))
    contents = (read_content(source, i) for i in range(n))
    with QUIET, closing(map_in_order(examine, contents, _THREADS, _weigh)) as results:
        for i, seen in enumerate(results):
            _note(source, facts, i, seen)
            if i % 64 == 63 or i == n - 1:
                progress(i + 1)
    return facts


def read_content(source: Source, i: int) -> bytes | np.ndarray | Unreadable:
    """The content of image i, or why it cannot be had."""
    try:
        return source.read(i)
    except OSError as error:
        return Unreadable(LOCKED, error.strerror or str(error))
    except DataError as error:
        return Unreadable(HUGE if "unpack to" in str(error) else LOCKED, str(error))


def decode_content(content: bytes | np.ndarray | Unreadable, white: float | None = None):
    """The whole image upright, as RGB image of Pillow, and its format ("" for an array).

    Raises:
        Unreadable: if it cannot be read.
    """
    from PIL import Image

    if isinstance(content, Unreadable):
        raise content
    return (
        (Image.fromarray(content), "")
        if isinstance(content, np.ndarray)
        else decode_image(content, None, white)
    )


def _weigh(content: bytes | np.ndarray | Unreadable) -> int:
    return len(content) if isinstance(content, bytes) else 0


@dataclass(frozen=True)
class _Seen:
    """What one image is."""

    size: tuple[int, int]
    digest: bytes
    miniature: np.ndarray
    constant: bool
    format: str


def _examine(content: bytes | np.ndarray | Unreadable, white: float | None = None) -> "_Seen | Unreadable":
    try:
        return _measure(*decode_content(content, white))
    except Unreadable as problem:
        return problem
    except MemoryError:
        return Unreadable(HUGE, NO_MEMORY)


def _measure(image, kind: str) -> _Seen:
    from PIL import Image

    miniature = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    constant = all(low == high for low, high in image.getextrema())
    digest = hash_pixels(*image.size, _cut_strips(image))
    return _Seen(image.size, digest, np.asarray(miniature), constant, kind)


def _cut_strips(image) -> Iterator[bytes]:
    """The pixels, some rows at a time, to hold no second image."""
    rows = max(1, _STRIP // image.width)
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height))).tobytes()


def _note(source: Source, facts: Facts, i: int, seen: _Seen | Unreadable) -> None:
    """Put what one image is in its places."""
    if isinstance(seen, Unreadable):
        facts.problems[i] = (seen.kind, seen.said)
        return
    facts.size[i] = seen.size
    facts.digests[i] = np.frombuffer(seen.digest, np.uint64)
    facts.miniature[i] = seen.miniature
    facts.constant[i] = seen.constant
    facts.formats[i] = seen.format
    ending = get_suffix(source.names[i])
    if seen.format and ending in list_suffixes() and ending not in get_format_suffixes(seen.format):
        facts.wrong_ending[i] = seen.format
