"""An audit in the terminal: a line per finding, and the first places where it can be seen."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from residual.data.audit.findings import Audit, Case
from residual.data.raw import PARTS, Raw

if TYPE_CHECKING:
    from rich.console import Console

_EXAMPLES, _IMAGES = 3, 4
_TOLD = {"train": "training", "validation": "validation", "test": "test"}


@contextmanager
def showing(console: "Console", total: int) -> Iterator[Callable[[int], None]]:
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


def print_audit(audit: Audit, console: "Console") -> None:
    """Print what was looked at, every finding with its first cases, and the verdict.

    Args:
        audit: from `findings.audit`.
        console: where to print.
    """

    def line(text: str, style: str | None = None) -> None:
        console.print(printable(text), style=style, highlight=False, soft_wrap=True, markup=False)

    line(f"data     {counted(audit.raw)}")
    for finding in audit.findings:
        line(
            f"{'HURTS' if finding.hurts else 'note':8} {finding.says}", "bold red" if finding.hurts else None
        )
        joined = " ~ " if finding.kind.startswith("near") else " = "
        for case in finding.cases[:_EXAMPLES]:
            line(f"         {told(audit.raw, case, joined)}", "dim")
        if len(finding.cases) > _EXAMPLES:
            line(f"         and {len(finding.cases) - _EXAMPLES:,} more", "dim")
    line(f"verdict  {verdict(audit)}", "bold")


def counted(raw: Raw) -> str:
    """'60,000 images (50,000 training, 10,000 test) of 10 classes: Parquet at ...'."""
    parts = Counter(entry.part for entry in raw.entries)
    split = ", ".join(f"{parts[part]:,} {_TOLD[part]}" for part in PARTS if parts[part])
    inside = f" ({split})" if len(parts) > 1 else ""
    return f"{len(raw.entries):,} images{inside} of {len(raw.classes)} classes: {raw.layout}, {raw.where}"


def verdict(audit: Audit) -> str:
    """What the findings mean together, naming the kinds that hurt."""
    hurting = [finding for finding in audit.findings if finding.hurts]
    if not hurting:
        return "nothing was found that would hurt a result"
    kinds = ", ".join(dict.fromkeys(finding.kind for finding in hurting))
    return f"{kinds} would make results wrong: mend this first"


def told(raw: Raw, case: Case, joined: str = " = ") -> str:
    """The images of a case by name and label, and what is to be said of them."""
    names = [f"{raw.entries[i].name} ({raw.classes[raw.entries[i].label]})" for i in case.images]
    more = f" and {len(names) - _IMAGES} more" if len(names) > _IMAGES else ""
    listed = joined.join(names[:_IMAGES]) + more
    return ": ".join(text for text in (listed, case.note) if text)


def printable(text: str) -> str:
    """Characters that do not print (a name may hold an escape sequence) become '?'."""
    return "".join(character if character.isprintable() else "?" for character in text)
