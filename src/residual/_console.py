"""Where text for people goes, and how it is laid out. Rich is imported when something is printed."""

import html
import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from residual._text import escape_control, wrap_words

if TYPE_CHECKING:
    from rich.console import Console

    from residual._text_console import TextConsole

_REPLACE_EVERY = 0.2  # seconds


def default_console(*, stderr: bool = False, **options: Any) -> "TextConsole":
    """A console on standard output; in a notebook one plain text.

    Left alone, Rich shows every line there as a box of its own, and the kernel's FORCE_COLOR makes it take the
    cell for a terminal, with live lines that leave control codes behind.

    Args:
        stderr: write to standard error, except in a notebook, which shows that as an alarm.
        options: further arguments of `TextConsole`.
    """
    from rich.console import Console

    from residual._text_console import TextConsole

    if Console().is_jupyter:
        return TextConsole(force_jupyter=False, force_terminal=False, in_notebook=True, **options)
    return TextConsole(stderr=stderr, **options)


def print_row(
    console: "Console", label: str, text: str, *, indent: int = 9, style: str | None = None
) -> None:
    """Print a label and a text beside it; in a terminal the text goes on below itself, elsewhere it stays one line.

    Args:
        console: where to print.
        label: one word, or "" to continue the row above.
        text: a sentence or a path; a word that is longer than the line is not broken.
        indent: columns of the label.
        style: Rich's style of the row.
    """
    lines = wrap_words(text, max(20, console.width - indent)) if console.is_terminal else [text]
    for line in lines:
        console.print(
            f"{label:<{indent}}{line}",
            style=style,
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        label = ""


def make_safe(console: "Console", text: str) -> str:
    """A text as a console prints it, to be laid out: an escape for a missing letter takes more room than the letter."""
    return getattr(console, "make_safe", escape_control)(text)


@contextmanager
def show_work(console: "Console", text: str) -> Iterator[Callable[[str], None]]:
    """Show in a terminal what takes its time, with the seconds that have gone by; nothing elsewhere.

    Args:
        console: where to show it. What is printed meanwhile stands above.
        text: such as "loading TensorFlow".

    Yields:
        A function that replaces the text.
    """
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    if not console.is_terminal:
        yield lambda text: None
        return
    spinner = SpinnerColumn("dots" if console.encoding.startswith("utf") else "line")
    columns = (spinner, TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as live:
        task = live.add_task(escape_control(text), total=None)
        yield lambda text: live.update(task, description=escape_control(text))


def render_text(print_to: "Callable[[Console], None]", width: int = 200) -> str:
    """What a function prints to a console, as plain text.

    Args:
        print_to: gets a console without colour.
        width: of the console, in columns.
    """
    from residual._text_console import TextConsole

    console = TextConsole(file=io.StringIO(), width=width, force_terminal=False, force_jupyter=False)
    print_to(console)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())  # type: ignore[attr-defined]


def preformat_html(text: str) -> str:
    """Text in columns as HTML, for a notebook: one box, in which long lines are scrolled and not wrapped."""
    style = "font-family: Menlo, Consolas, 'DejaVu Sans Mono', monospace; line-height: 1.3; white-space: pre"
    return f'<pre style="{style}; overflow-x: auto">{html.escape(text)}</pre>'


class NotebookLine:
    """One line of a notebook's output, replaced again and again: the live line of a training."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._updated = 0.0

    def update(self, text: str, *, last: bool = False) -> None:
        """Replace the line, at most a few times a second.

        Args:
            text: the new line.
            last: it stays, and is shown however short ago the one before it was.
        """
        from IPython.display import display

        if not last and time.monotonic() - self._updated < _REPLACE_EVERY:
            return
        self._updated = time.monotonic()
        data = {"text/plain": escape_control(text)}
        if self._handle is None:
            self._handle = display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)
