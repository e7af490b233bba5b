"""The same picture under more than one label."""

from collections.abc import Iterator

from residual.auditing.finding import HURTS, Case, Found, format_count, join_labels
from residual.auditing.scan import Facts
from residual.data.source import Source

KIND = "two-labels"
SEVERITY = HURTS
DESCRIPTION = "One of the labels is wrong, and the network is punished for the right answer."


def find(facts: Facts, source: Source) -> Iterator[Found]:
    """All groups of equal images whose labels differ."""
    split = [group for group in facts.duplicates if len(set(source.labels[group].tolist())) > 1]
    if split:
        says = f"{format_count(len(split), 'picture')} under more than one label ({sum(map(len, split)):,} images)"
        cases = (
            Case(tuple(map(int, group)), join_labels(source.classes, source.labels[group])) for group in split
        )
        yield Found(says, len(split), tuple(cases))
