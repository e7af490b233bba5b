"""An audit in the terminal: a line per finding, and the first places where it can be seen."""

from collections import Counter
from typing import TYPE_CHECKING

from residual._console import print_row
from residual._text import escape_control
from residual.auditing.audit import Audit
from residual.auditing.finding import SPLIT_WORDS, Case, format_count
from residual.data.images import SPLITS
from residual.data.source import Source

if TYPE_CHECKING:
    from rich.console import Console

_EXAMPLES, _IMAGES = 3, 4


def print_audit(audit: Audit, console: "Console") -> None:
    """Print what was looked at, every finding with its first cases, and the verdict.

    Args:
        audit: from `audit_source`.
        console: where to print.
    """

    def row(label: str, text: str, style: str | None = None) -> None:
        print_row(console, label, escape_control(text), style=style)

    row("data", describe_source(audit.source))
    for note in audit.source.notes:
        row("note", note)
    for finding in audit.findings:
        row("HURTS" if finding.hurts else "note", finding.says, "bold red" if finding.hurts else None)
        joined = " ~ " if finding.kind.startswith("near") else " = "
        for case in finding.cases[:_EXAMPLES]:
            row("", format_case(audit.source, case, joined), "dim")
        if len(finding.cases) > _EXAMPLES:
            row("", f"and {len(finding.cases) - _EXAMPLES:,} more", "dim")
    row("verdict", format_verdict(audit), "bold")


def describe_source(source: Source) -> str:
    """'60,000 images (50,000 training, 10,000 test) of 10 classes: Parquet at ...'."""
    parts = Counter(source.split_of(i) for i in range(len(source)))
    split = ", ".join(f"{parts[part]:,} {SPLIT_WORDS[part]}" for part in SPLITS if parts[part])
    inside = f" ({split})" if len(parts) > 1 else ""
    return f"{len(source):,} images{inside} of {len(source.classes)} classes: {source.layout}, {source.where}"


def format_verdict(audit: Audit) -> str:
    """What the findings mean together."""
    hurting = sum(finding.hurts for finding in audit.findings)
    if not hurting:
        return "nothing was found that would hurt a result"
    return f"{format_count(hurting, 'finding')} would make results wrong: mend {'them' if hurting > 1 else 'it'} first"


def format_case(source: Source, case: Case, joined: str = " = ") -> str:
    """The images of a case by name and label, and what is to be said of them."""
    names = [f"{source.names[i]} ({source.classes[source.labels[i]]})" for i in case.images]
    more = f" and {len(names) - _IMAGES} more" if len(names) > _IMAGES else ""
    listed = joined.join(names[:_IMAGES]) + more
    return ": ".join(text for text in (listed, case.note) if text)
