"""Where text for people goes: a console by default, a string, or a notebook."""

import html
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def default_console(*, stderr: bool = False, **options: Any) -> "Console":
    """A Rich console on standard output; in a notebook one plain text.

    Left alone, Rich shows every line there as a box of its own, and the kernel's FORCE_COLOR makes it take the
    cell for a terminal, with live lines that leave control codes behind.

    Args:
        stderr: write to standard error, except in a notebook, which shows that as an alarm.
        options: further arguments of `rich.console.Console`.
    """
    from rich.console import Console

    if Console().is_jupyter:
        return Console(force_jupyter=False, force_terminal=False, **options)
    return Console(stderr=stderr, **options)


def print_line(console: "Console", label: str, text: str) -> None:
    """Print a line of the plan before a training: a label of up to eight columns, then text as it is."""
    console.print(f"{label:8} {text}", highlight=False, soft_wrap=True, markup=False)


def render_text(print_to: "Callable[[Console], None]", width: int = 200) -> str:
    """What a function prints to a console, as plain text.

    Args:
        print_to: gets a console without colour.
        width: of the console, in columns.
    """
    from rich.console import Console

    console = Console(file=io.StringIO(), width=width, force_terminal=False, force_jupyter=False)
    print_to(console)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())  # type: ignore[attr-defined]


def preformat_html(text: str) -> str:
    """Text in columns as HTML, for a notebook."""
    return f"<pre>{html.escape(text)}</pre>"
