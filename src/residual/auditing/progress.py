"""How far an audit is, on a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


@contextmanager
def show_progress(console: "Console", total: int) -> Iterator[Callable[[int], None]]:
    """A live line that says how many images have been read, in a terminal; nothing elsewhere.

    Yields:
        What is to be called with the number of images done.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    if not console.is_terminal:
        yield lambda done: None
        return
    columns = (TextColumn("reading"), BarColumn(bar_width=24), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as live:
        task = live.add_task("reading", total=total)
        yield lambda done: live.update(task, completed=done)
