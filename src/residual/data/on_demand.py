"""Images that are decoded when they are asked for, since all of them together would take too long or too much room."""

import functools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from residual._text import format_bytes
from residual.data.image_file import QUIET, read_image
from residual.data.ordered_work import count_cores
from residual.data.pixel_cache import PixelCache, stamp_content
from residual.errors import DataError

if TYPE_CHECKING:
    from residual.data.decoding import File

LAZY_FROM = 8 * 2**30  # bytes of decoded pixels from which images are decoded on demand
WAYS = ("auto", "first", "lazy")
_HANDFUL = 8  # images that a thread decodes at a time


@functools.cache
def _pool() -> ThreadPoolExecutor:
    """One for all stores: a thread for each core."""
    return ThreadPoolExecutor(count_cores(), "on-demand")


def is_lazy(way: str, count: int, side: int | None, can_be: bool, where: str) -> bool:
    """Whether images are decoded on demand.

    Args:
        way: "first", "lazy", or "auto" for the one that suits their number.
        count: how many images there are.
        side: that they are scaled to; None keeps their own size.
        can_be: whether any image can be opened at any time, as in an unpacked archive.
        where: the source, for errors.

    Raises:
        DataError: if "lazy" is asked for and cannot be.
    """
    if way not in WAYS:
        raise DataError(f"{where}: decode must be {', '.join(WAYS[:-1])} or {WAYS[-1]}; got {way!r}.")
    if way == "lazy" and not can_be:
        raise DataError(
            f"{where} cannot be decoded on demand (decode=lazy): its images can only be read in their order. Unpack "
            "it, or write WebDataset shards that are not compressed."
        )
    if way == "lazy" and side is None:
        raise DataError(f"{where} can be decoded on demand (decode=lazy) at one size: give `image_size`.")
    return way == "lazy" or (
        way == "auto" and can_be and side is not None and 3 * count * side**2 > LAZY_FROM
    )


class Decoder:
    """What a `PixelStore` reads in place of a file: rows are images of a source.

    Args:
        open_file: row -> (path, bytes, or why there is no content; name for errors); on any thread.
        image_size: (height, width) to fit them to.
        white: as `read_image` takes it.
        count: how many there are.
        cache: where decoded images are kept; None decodes again each time.
    """

    is_lazy = True

    def __init__(
        self,
        open_file: "Callable[[int], File]",
        image_size: tuple[int, int],
        white: float | None,
        count: int,
        cache: PixelCache | None,
    ):
        self._open, self._image_size, self._white, self._cache = open_file, image_size, white, cache
        self._nbytes = 3 * count * image_size[0] * image_size[1]

    @property
    def description(self) -> str:
        """How the pixels come about, for the user."""
        kept = self._cache.description if self._cache else "anew in each epoch"
        return f"images are decoded when a step needs them ({format_bytes(self._nbytes)} in all), {kept}"

    @property
    def unreadable(self) -> dict[int, str]:
        """No image is passed over here: one that cannot be read raises."""
        return {}

    def read(self, rows: np.ndarray, out: np.ndarray, substitute: "Substitute | None" = None) -> None:
        """Decode each row into its place in `out`, on all cores.

        Args:
            rows: int (k,).
            out: uint8 (k, height, width, 3).
            substitute: a row and why it cannot be read -> the row to take in its place; None raises.

        Raises:
            DataError: for an image that cannot be read.
        """
        places = np.argsort(rows, kind="stable").tolist()

        def fill(some: list[int]) -> None:
            for place in some:
                self._read_one(int(rows[place]), out[place], substitute)

        groups = [places[i : i + _HANDFUL] for i in range(0, len(places), _HANDFUL)]
        with QUIET:
            for _ in map(fill, groups) if len(groups) == 1 else _pool().map(fill, groups):
                pass
        if self._cache is not None:
            self._cache.warn()

    def _read_one(self, row: int, out: np.ndarray, substitute: "Substitute | None") -> None:
        while True:
            try:
                self._decode(row, out)
                return
            except DataError as error:
                if substitute is None:
                    raise DataError(
                        f"{error} It is not replaced by another image here: mend it, or remove it (residual audit "
                        "lists such images)."
                    ) from None
                row = substitute(row, str(error))

    def _decode(self, row: int, out: np.ndarray) -> None:
        content, name = self._open(row)
        if isinstance(content, DataError):
            raise content
        stamp = self._find_stamp(content, name)
        if self._cache is not None and self._cache.read(row, stamp, out):
            return
        out[:] = read_image(content, self._image_size, name, self._white)
        if self._cache is not None:
            self._cache.write(row, stamp, out)

    def _find_stamp(self, content: str | Path | bytes, name: str) -> int:
        if self._cache is None:
            return 0
        try:
            return stamp_content(Path(content) if isinstance(content, str) else content)
        except OSError as error:
            raise DataError(f"{name} cannot be read: {error.strerror or error}.") from None

    def replacing(self, rows: np.ndarray, labels: np.ndarray, most: float) -> "Replacing":
        """The same for training images: the next image of its class takes the place of one that cannot be read."""
        return Replacing(self, rows, labels, most)


Substitute = Callable[[int, str], int]


class Replacing:
    """A `Decoder` for training images, of which some may be unreadable.

    In the place of such an image the next one of its class is shown, the same in every epoch and on any number of
    processes. Validation and test images are never replaced, since one of them would count twice.

    Args:
        decoder: of all images of the source.
        rows: int (n,), the training images.
        labels: int (n,), their classes.
        most: share of them that may be unreadable.

    Attributes:
        unreadable: row -> why it could not be read.
    """

    is_lazy = True

    def __init__(self, decoder: Decoder, rows: np.ndarray, labels: np.ndarray, most: float):
        self._decoder, self._rows, self._labels, self._most = decoder, rows, labels, most
        self.unreadable: dict[int, str] = {}
        self._lock = threading.Lock()

    @property
    def description(self) -> str:
        """As that of the decoder."""
        return self._decoder.description

    def read(self, rows: np.ndarray, out: np.ndarray) -> None:
        """As `Decoder.read`.

        Raises:
            DataError: if more images than `most` of them, or all of a class, cannot be read.
        """
        self._decoder.read(rows, out, self._substitute)

    def replacing(self, rows: np.ndarray, labels: np.ndarray, most: float) -> "Replacing":
        """The same for other rows."""
        return Replacing(self._decoder, rows, labels, most)

    def _substitute(self, row: int, why: str) -> int:
        with self._lock:
            self.unreadable.setdefault(row, why)
            if len(self.unreadable) > self._most * len(self._rows):
                raise DataError(
                    f"{len(self.unreadable):,} of {len(self._rows):,} training images cannot be read so far, more than "
                    f"{self._most:.0%}. The last: {why} Mend or remove them (residual audit lists them), or allow more "
                    "with `max_unreadable`."
                )
            for other in self._list_next(row):
                if other not in self.unreadable:
                    return other
        raise DataError(f"No image of a class can be read. The last: {why}")

    def _list_next(self, row: int) -> Iterator[int]:
        """The other training images of the class, from the next one on."""
        place = int(np.flatnonzero(self._rows == row)[0])
        own = self._rows[self._labels == self._labels[place]]
        first = int(np.flatnonzero(own == row)[0])
        return iter(np.roll(own, -first - 1)[:-1].tolist())
