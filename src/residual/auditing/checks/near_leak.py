"""Images of one split that are nearly the same as those of another, or that the hold-out puts into another."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from residual.auditing.finding import HURTS, SPLIT_WORDS, Case, Found, format_count
from residual.auditing.scan import Facts
from residual.data.images import SPLITS
from residual.data.source import Source
from residual.data.splits import split_digests
from residual.errors import DataError

KIND = "near-leak"
SEVERITY = HURTS
DESCRIPTION = (
    "Nearly the picture that the network learns from is one that it is tested on: the score is too good."
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
    if source.made_test:
        yield from _find_parted(facts, source)


def _find_parted(facts: Facts, source: Source) -> Iterator[Found]:
    """The pairs that the hold-out parts: their pixels differ, so nothing keeps them together."""
    rows = np.flatnonzero(facts.readable & (source.splits == SPLITS.index("train")))
    try:
        _, held_out = split_digests(
            source.labels[rows], facts.digests[rows], None if source.groups is None else source.groups[rows]
        )
    except DataError:
        return
    in_test = np.zeros(len(source), bool)
    in_test[rows[held_out]] = True
    parted = [(a, b) for a, b in facts.near_pairs if in_test[a] != in_test[b]]
    if parted:
        says = (
            f"{format_count(len(parted), 'pair')} of nearly the same images that the split parts: one to "
            "learn from, one "
            "in the test set"
        )
        note = "give both one group in a table to keep them together, or remove one"
        yield Found(says, len(parted), tuple(Case(pair, note) for pair in parted))
