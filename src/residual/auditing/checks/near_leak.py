"""Images of one split that are nearly the same as those of another."""

from collections.abc import Iterator
from itertools import combinations

from residual.auditing.finding import HURTS, SPLIT_WORDS, Case, Found, format_count
from residual.auditing.scan import Facts
from residual.data.images import SPLITS
from residual.data.source import Source

KIND = "near-leak"
SEVERITY = HURTS
DESCRIPTION = (
    "Nearly the picture that the network learns from is one that it is judged by: the score is too good."
)


def find(facts: Facts, source: Source) -> Iterator[Found]:
    """For each pair of splits, the images of the later one."""
    for earlier, later in combinations(SPLITS, 2):
        leaks: dict[int, Case] = {}
        for a, b in facts.near_pairs:
            if (source.split_of(a), source.split_of(b)) == (later, earlier):
                leaks.setdefault(a, Case((a, b)))
        if leaks:
            count = format_count(len(leaks), f"{SPLIT_WORDS[later]} image")
            says = f"{count} nearly the same as {SPLIT_WORDS[earlier]} images"
            yield Found(says, len(leaks), tuple(leaks.values()))
