"""Many image files into one array, on all cores."""

import itertools
import math
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np

from residual.consoles import default_console
from residual.data.images import QUIET, read_image
from residual.data.pixel_store import Pixels, PixelStore, allocate
from residual.errors import DataError

_HANDFUL = 16  # images that a thread decodes at a time
_THUMBNAIL = 125e-6  # seconds to decode an image; below, threads wait for the interpreter more than they gain
_HELD = 16 * 2**20  # bytes of image files that make a handful, be they fewer
_SHOWN_FROM = 5_000  # images; fewer are decoded before a progress bar could be read

UNREADABLE = 0.05  # the share of files that may be damaged before that is an error

File = tuple[str | Path | bytes | DataError | None, str]


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def decode(
    files: Iterable[File],
    count: int,
    size: tuple[int, int] | None,
    where: str,
    skipped: dict[int, str] | None = None,
) -> Pixels:
    """Every file by `read_image`, in their order: once, so that training reads pixels and decodes nothing.

    Small sets become an array in memory, large ones a `PixelStore` in a temporary file. Pillow lets go of the
    interpreter while it decodes, so threads use all cores for all but thumbnails; few files are held at a time.

    Args:
        files: (path, or bytes, or None where there is no image, or why it cannot be had; name for errors); read
            as they are needed.
        count: how many they are, at least one.
        size: (height, width) to fit them to; None keeps their own, which must then be one and the same.
        where: whose images they are, for errors.
        skipped: where files may be damaged: gets the number of each that cannot be read, and why. They are
            left out of the result.

    Raises:
        DataError: for the first file, in their order, that cannot be read or has another size, or when the
            disk is full.
    """
    x, done, first = None, 0, ""
    decoded = _in_order(lambda file: (_read_or_why(*file, size, skipped is None), file[1]), files)
    with closing(decoded), closing(_told(decoded, count)) as told:
        for image, name in told:
            if done == count:
                raise DataError(
                    f"{where}: {count:,} images were expected, more are there. Was it changed just now?"
                )
            if isinstance(image, DataError):
                skipped[done] = str(image)
                done += 1
                continue
            if x is None:
                x, first = allocate(count, image.shape, where), name
            if image.shape != x.shape[1:]:
                raise DataError(
                    f"{name} has {_size(image)} pixels, {first} {_size(x[0])}; "
                    "give --size to scale all to one."
                )
            _put(x, done, image, where)
            done += 1
    if done < count:
        raise DataError(
            f"{where}: {count:,} images were expected, {done:,} are there. Was it changed just now?"
        )
    if x is None:
        raise DataError(next(iter(skipped.values())) if skipped else f"{where}: there are no images.")
    return _without(x, skipped) if skipped else x


def decode_labelled(
    files: Iterable[File],
    labels: np.ndarray,
    size: tuple[int, int] | None,
    where: str,
    share: float,
    lost: list[str],
    classes: Sequence[str] = (),
) -> tuple[Pixels, np.ndarray]:
    """The images of one part by `decode`, without those that cannot be read, and the labels of the others.

    Args:
        files, size, where: as `decode` takes them.
        labels: (n,), of every file.
        share: of the files that may be damaged.
        lost: gets why each file that is left out cannot be read.
        classes: their names, for errors.

    Raises:
        DataError: when more than `share` cannot be read, none of a class can, or `decode` raises it.
    """
    skipped: dict[int, str] = {}
    x = decode(files, len(labels), size, where, skipped)
    check_share(skipped, len(labels), share, where)
    kept = without(labels, skipped)
    left = set(kept.tolist())
    for label, why in zip(labels[list(skipped)].tolist(), skipped.values(), strict=True):
        if label not in left:
            name = dict(enumerate(classes)).get(label, label)
            raise DataError(f"{where}: none of the images of {name} can be read: {why}")
    lost += skipped.values()
    return x, kept


def without(values: np.ndarray, skipped: Iterable[int]) -> np.ndarray:
    """The rows that are not in `skipped`."""
    return np.delete(values, list(skipped), axis=0)


def _without(x: Pixels, skipped: Iterable[int]) -> Pixels:
    """The images that are not in `skipped`."""
    return x.only(without(np.arange(len(x)), skipped)) if isinstance(x, PixelStore) else without(x, skipped)


def check_share(skipped: dict[int, str], count: int, share: float, where: str) -> None:
    """DataError where more than `share` of `count` files were skipped."""
    if len(skipped) > share * count:
        raise DataError(
            f"{where}: {len(skipped):,} of {count:,} image files cannot be read, more than {share:.0%}. The first: "
            f"{next(iter(skipped.values()))} Mend or remove them (residual audit lists them), or allow more with "
            "--unreadable."
        )


def _put(x: Pixels, number: int, image: np.ndarray, where: str) -> None:
    try:
        x[number] = image
    except OSError as error:
        raise DataError(
            f"{where}: the temporary file of the images cannot be written: {error.strerror}. Make room, "
            "use a smaller --size, or set TMPDIR to another folder."
        ) from None


def _read_or_why(source, name: str, size: tuple[int, int] | None, strict: bool):
    """The image, or the DataError of a file that cannot be read; raised where that is not allowed."""
    try:
        if isinstance(source, DataError):
            raise source
        return _read(source, name, size)
    except DataError as error:
        if strict:
            raise
        return error


def _read(source: str | Path | bytes | None, name: str, size: tuple[int, int] | None):
    if source is None:
        raise DataError(f"{name} holds no image: every row needs the bytes of an image file.")
    return read_image(source, size, name)


def _size(image) -> str:
    return f"{image.shape[0]}x{image.shape[1]}"


def _handfuls(files: Iterable[File]) -> Iterator[list[File]]:
    """Lists of 16 files, of fewer where they lie in memory and are large."""
    handful, held = [], 0
    for file in files:
        handful.append(file)
        held += len(file[0]) if isinstance(file[0], bytes) else 0
        if len(handful) == _HANDFUL or held > _HELD:
            yield handful
            handful, held = [], 0
    if handful:
        yield handful


def _in_order(function: Callable, items: Iterable[File]) -> Generator:
    """`map`, results in order; on a thread per core, with a few items under way at a time, unless they are thumbnails.

    The second handful tells which: the first has warmed up what decodes it.
    """
    handfuls = _handfuls(items)
    with QUIET:  # once for all, as setting and restoring filters takes as long as a thumbnail
        seconds = math.inf
        for handful in itertools.islice(handfuls, 2):
            started = time.perf_counter()
            results = _results(function, handful)
            seconds = (time.perf_counter() - started) / len(handful)
            yield from _or_raise(results)
        if seconds < _THUMBNAIL:
            for handful in handfuls:
                yield from _or_raise(_results(function, handful))
        else:
            yield from _on_threads(function, handfuls)


def _on_threads(function: Callable, handfuls: Iterator[list[File]]) -> Generator:
    """By the handful: handing over every image alone would take longer than decoding a small one."""
    pool = ThreadPoolExecutor(cores(), thread_name_prefix="decode")
    pending: deque[Future] = deque()
    try:
        for handful in handfuls:
            pending.append(pool.submit(_results, function, handful))
            if len(pending) > cores():
                yield from _or_raise(pending.popleft().result())
        while pending:
            yield from _or_raise(pending.popleft().result())
    finally:
        pool.shutdown(cancel_futures=True)


def _results(function: Callable, items: list) -> list:
    """What the function returns for each, up to and with the first error."""
    results = []
    for item in items:
        try:
            results.append(function(item))
        except Exception as error:
            return [*results, error]
    return results


def _or_raise(results: list) -> Generator:
    for result in results:
        if isinstance(result, Exception):
            raise result
        yield result


def _told(images: Generator, count: int) -> Generator:
    """The same, with a progress bar on a terminal's standard error where they are many."""
    console = default_console(stderr=True)
    if count < _SHOWN_FROM or not console.is_terminal:
        return images
    from rich.progress import track

    return track(images, "decoding images", count, console=console, transient=True)
