"""Many image files into one array and their digests, on all cores."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from residual._console import default_console
from residual.data.digests import Digests, hash_array
from residual.data.image_file import QUIET, read_image
from residual.data.ordered_work import count_cores, map_in_order
from residual.data.pixel_store import Pixels, PixelStore, allocate
from residual.errors import DataError

_SHOWN_FROM = 5_000  # images; fewer are decoded before a progress bar could be read

File = tuple[str | Path | bytes | DataError, str]


def decode_images(
    files: Iterable[File],
    count: int,
    image_size: tuple[int, int] | None,
    where: str,
    skipped: dict[int, str] | None = None,
    white: float | None = None,
) -> tuple[Pixels, Digests]:
    """Every file by `read_image`, in their order: once, so that training reads pixels and decodes nothing.

    Small sets become an array in memory, large ones a `PixelStore` in a temporary file. Pillow lets go of the
    interpreter while it decodes, so threads use all cores for all but thumbnails; few files are held at a time.
    Each image is hashed when it is decoded.

    Args:
        files: (path, or bytes, or why there is no content; name for errors); read as they are needed.
        count: how many they are, at least one.
        image_size: (height, width) to fit them to; None keeps their own, which must then be one and the same.
        where: whose images they are, for errors.
        skipped: if files may be unreadable: gets the number of each that cannot be read, and why. They are
            left out of the result, which is empty if none can be read.
        white: as `read_image` takes it.

    Returns:
        The pixels, uint8 (n, height, width, 3), and the digests.

    Raises:
        DataError: for the first file, in their order, that cannot be read or has another size, or if the disk
            is full.
    """
    x, digests, done, first = None, np.zeros((count, 2), np.uint64), 0, ""

    def read(file: File):
        return _read_or_explain(*file, image_size, skipped is None, white), file[1]

    # Quiet once for all, as setting and restoring filters takes as long as a thumbnail.
    with QUIET, closing(map_in_order(read, files, count_cores(), _weigh)) as images:
        for result, name in _show_progress(images, count):
            if done == count:
                raise DataError(
                    f"{where}: {count:,} images were expected, more are there. Was it changed just now?"
                )
            if isinstance(result, DataError):
                skipped[done] = str(result)
                done += 1
                continue
            image, digest = result
            if x is None:
                x, first = allocate(count, image.shape, where), name
            if image.shape != x.shape[1:]:
                raise DataError(
                    f"{name} has {_format_size(image)} pixels, {first} {_format_size(x[0])}; "
                    "give `image_size` to scale all to one."
                )
            _put(x, done, image, where)
            digests[done] = np.frombuffer(digest, np.uint64)
            done += 1
    if done < count:
        raise DataError(
            f"{where}: {count:,} images were expected, {done:,} are there. Was it changed just now?"
        )
    if x is None:
        return np.empty((0, *(image_size or (1, 1)), 3), np.uint8), digests[:0]
    if not skipped:
        return x, digests
    kept = np.delete(np.arange(count), list(skipped))
    return (x.only(kept) if isinstance(x, PixelStore) else x[kept]), digests[kept]


def _weigh(file: File) -> int:
    return len(file[0]) if isinstance(file[0], bytes) else 0


def _read_or_explain(
    content, name: str, image_size: tuple[int, int] | None, strict: bool, white: float | None
):
    """The image and its digest, or the DataError of a file that cannot be read; raised if that is not allowed."""
    try:
        if isinstance(content, DataError):
            raise content
        image = read_image(content, image_size, name, white)
        return image, hash_array(image)
    except DataError as error:
        if strict:
            raise
        return error


def _put(x: Pixels, number: int, image: np.ndarray, where: str) -> None:
    try:
        x[number] = image
    except OSError as error:
        raise DataError(
            f"{where}: the temporary file of the images cannot be written: {error.strerror}. Make room, "
            "use a smaller `image_size`, or set TMPDIR to another folder."
        ) from None


def _format_size(image) -> str:
    return f"{image.shape[0]}x{image.shape[1]}"


def _show_progress(images: Iterator, count: int) -> Iterator:
    """The same, with a progress bar on a terminal's standard error if they are many."""
    console = default_console(stderr=True)
    if count < _SHOWN_FROM or not console.is_terminal:
        return images
    from rich.progress import track

    return iter(track(images, "decoding images", count, console=console, transient=True))
