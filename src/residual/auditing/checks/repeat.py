"""Images that stand in one split more than once."""

from collections.abc import Iterator

from residual.auditing.finding import NOTE, Case, Found, format_count
from residual.auditing.scan import Facts
from residual.data.images import SPLITS
from residual.data.source import Source

KIND = "repeat"
SEVERITY = NOTE
DESCRIPTION = "The same picture counts more than once. Training keeps its copies in one split."


def find(facts: Facts, source: Source) -> Iterator[Found]:
    """All groups of equal images in one split, the largest first."""
    repeats = [
        Case(tuple(same))
        for group in facts.duplicates
        for split in SPLITS
        if len(same := [int(i) for i in group if source.split_of(i) == split]) > 1
    ]
    if repeats:
        count = sum(len(case.images) - 1 for case in repeats)
        cases = tuple(sorted(repeats, key=lambda case: -len(case.images)))
        yield Found(f"{format_count(count, 'repeat')} of an image within its own part", count, cases)
