"""The live page of a training, if one is wanted."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from residual.reporting.live import LivePage


@contextmanager
def open_live(live: bool, port: int | None = None) -> "Iterator[LivePage | None]":
    """A live page until the context ends; None if none is wanted.

    Args:
        live: whether one is wanted.
        port: of it; None for a free one.

    Raises:
        RunError: if the port cannot be used.
    """
    if not live and port is None:
        yield None
        return
    from residual.reporting.live import LivePage

    with LivePage(port or 0) as page:
        yield page
