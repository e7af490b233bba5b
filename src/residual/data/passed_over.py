"""What lies among the images of a source and is not read: each with its reason, and in one line for people."""

import os
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

HIDDEN, SYSTEM, RUN = "hidden", "of the system", "a run of residual"
OTHER, NO_CLASS, NO_LABEL, LINK = (
    "no image",
    "in no class folder",
    "without a label",
    "a link that leads back",
)
_SHOWN = 2


class PassedOver(NamedTuple):
    """One file or folder that is not read.

    Attributes:
        name: from the top of the source.
        reason: why, in a few words that are the same for all of a kind.
    """

    name: str
    reason: str


def summarize_passed_over(items: Iterable[PassedOver]) -> str:
    """ "passed over: 3 .txt (no image), 1 .heic (save as JPEG or PNG): a/1.heic"; "" if there is nothing."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, reason in items:
        suffix = os.path.splitext(name)[1].lower() if reason not in (HIDDEN, SYSTEM, RUN, LINK) else ""
        groups[suffix, reason].append(name)
    if not groups:
        return ""
    lines = []
    for (suffix, reason), names in sorted(groups.items(), key=lambda item: -len(item[1])):
        shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        kind = f"{suffix} " if suffix else ""
        lines.append(f"{len(names):,} {kind}({reason}: {shown})")
    return f"passed over: {', '.join(lines)}"


def count_passed_over(items: Iterable[PassedOver]) -> dict[str, int]:
    """{reason: how many}."""
    counts: dict[str, int] = defaultdict(int)
    for item in items:
        counts[item.reason] += 1
    return dict(counts)


def list_passed_over(items: Iterable[PassedOver]) -> dict:
    """JSON-able: how many for each reason, and every name."""
    items = list(items)
    return {"count": len(items), "reasons": count_passed_over(items), "names": [item.name for item in items]}
