"""Where text for people goes when they name no console."""

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
