"""Images that cannot be read."""

from collections import Counter
from collections.abc import Iterator

from residual.auditing.finding import HURTS, Case, Found, format_count
from residual.auditing.scan import Facts
from residual.data.source import Source

KIND = "unreadable"
SEVERITY = HURTS
DESCRIPTION = "Damaged files, and files that are no images. Training skips them if they are few."


def find(facts: Facts, source: Source) -> Iterator[Found]:
    """All of them, with the reason."""
    if not facts.problems:
        return
    kinds = Counter(kind for kind, _ in facts.problems.values())
    listed = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
    cases = tuple(
        Case((i,), f"{kind}: {said}" if said else kind) for i, (kind, said) in sorted(facts.problems.items())
    )
    yield Found(f"{format_count(len(cases), 'image')} cannot be read: {listed}", len(cases), cases)
