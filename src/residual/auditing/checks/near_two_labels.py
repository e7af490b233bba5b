"""Nearly the same picture under different labels."""

from collections.abc import Iterator

from residual.auditing.finding import NOTE, Case, Found, format_count, join_labels
from residual.auditing.scan import Facts
from residual.data.source import Source

KIND = "near-two-labels"
SEVERITY = NOTE
DESCRIPTION = "Look at these pairs: one of the labels may be wrong."


def find(facts: Facts, source: Source) -> Iterator[Found]:
    """All such pairs."""
    pairs = [(a, b) for a, b in facts.near_pairs if source.labels[a] != source.labels[b]]
    if pairs:
        says = f"{format_count(len(pairs), 'pair')} of nearly the same images under different labels"
        cases = (Case((a, b), join_labels(source.classes, source.labels[[a, b]])) for a, b in pairs)
        yield Found(says, len(pairs), tuple(cases))
