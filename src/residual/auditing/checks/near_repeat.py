"""Nearly the same picture in one split more than once."""

from collections.abc import Iterator

from residual.auditing.finding import NOTE, Case, Found, format_count
from residual.auditing.scan import Facts
from residual.data.source import Source

KIND = "near-repeat"
SEVERITY = NOTE
DESCRIPTION = "Nearly the same picture counts more than once, and a random split may part the two."


def find(facts: Facts, source: Source) -> Iterator[Found]:
    """All such pairs."""
    within = [(a, b) for a, b in facts.near_pairs if source.splits[a] == source.splits[b]]
    if within:
        says = f"{format_count(len(within), 'pair')} of nearly the same images within one part"
        yield Found(says, len(within), tuple(map(Case, within)))
