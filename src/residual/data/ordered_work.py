"""The same work on many items: results in their order, on several threads, with few items held at a time."""

import itertools
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_HANDFUL = 16  # items that a thread works on at a time
_HELD = 16 * 2**20  # bytes of content that make a handful, be they fewer
_QUICK = 125e-6  # seconds for an item; below, threads wait for the interpreter more than they gain


def count_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_in_order(
    function: Callable[[T], R], items: Iterable[T], threads: int, weigh: Callable[[T], int]
) -> Iterator[R]:
    """`map` on threads, unless an item takes less than 125 microseconds.

    The first handful warms up what the function uses, the second tells how long an item takes. An exception is
    raised in the place of its result. Close the iterator to end the threads early.

    Args:
        function: what to do with an item.
        items: read as they are needed, by the thread that iterates.
        threads: how many may work side by side.
        weigh: bytes that an item holds in memory.
    """
    handfuls = _gather(items, weigh)
    seconds = math.inf
    for handful in itertools.islice(handfuls, 2):
        started = time.perf_counter()
        results = _apply(function, handful)
        seconds = (time.perf_counter() - started) / len(handful)
        yield from _unpack(*results)
    if seconds < _QUICK:
        for handful in handfuls:
            yield from _unpack(*_apply(function, handful))
    else:
        yield from _map_on_threads(function, handfuls, threads)


def _gather(items: Iterable[T], weigh: Callable[[T], int]) -> Iterator[list[T]]:
    """Lists of 16 items, of fewer if they are large."""
    handful, held = [], 0
    for item in items:
        handful.append(item)
        held += weigh(item)
        if len(handful) == _HANDFUL or held > _HELD:
            yield handful
            handful, held = [], 0
    if handful:
        yield handful


def _map_on_threads(function: Callable[[T], R], handfuls: Iterator[list[T]], threads: int) -> Iterator[R]:
    """By the handful: handing over every item alone would take longer than decoding a small image."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
    pending: deque[Future] = deque()
    try:
        for handful in handfuls:
            pending.append(pool.submit(_apply, function, handful))
            if len(pending) > threads:
                yield from _unpack(*pending.popleft().result())
        while pending:
            yield from _unpack(*pending.popleft().result())
    finally:
        pool.shutdown(cancel_futures=True)


def _apply(function: Callable[[T], R], items: list[T]) -> tuple[list[R], Exception | None]:
    """What the function returns for each up to the first error, and the error."""
    results: list[R] = []
    for item in items:
        try:
            results.append(function(item))
        except Exception as error:
            return results, error
    return results, None


def _unpack(results: list[R], error: Exception | None) -> Iterator[R]:
    yield from results
    if error is not None:
        raise error
