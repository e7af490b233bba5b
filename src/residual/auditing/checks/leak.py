"""Images of one split that are also in another."""

from collections.abc import Iterator
from itertools import combinations

from residual.auditing.finding import HURTS, SPLIT_WORDS, Case, Found, format_count
from residual.auditing.scan import Facts
from residual.data.images import SPLITS
from residual.data.source import Source

KIND = "leak"
SEVERITY = HURTS
DESCRIPTION = "An image that the network learns from is also one that it is tested on: the score is too good."


def find(facts: Facts, source: Source) -> Iterator[Found]:
    """For each pair of splits, the images of the later one."""
    for earlier, later in combinations(SPLITS, 2):
        cases = []
        for group in facts.duplicates:
            splits = [source.split_of(i) for i in group]
            if earlier in splits:
                first = int(group[splits.index(earlier)])
                cases += [
                    Case((int(i), first)) for i, split in zip(group, splits, strict=True) if split == later
                ]
        if cases:
            count = format_count(len(cases), f"{SPLIT_WORDS[later]} image")
            yield Found(f"{count} also among the {SPLIT_WORDS[earlier]} images", len(cases), tuple(cases))
