"""Images of one split that are nearly the same as those of another, or that `train` puts into another."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from residual.auditing.finding import HURTS, SPLIT_WORDS, Case, Found, format_count
from residual.auditing.scan import Facts
from residual.data.images import SPLITS
from residual.data.source import Source
from residual.data.splits import TEST_SHARE, split_digests
from residual.errors import DataError

_VALIDATION_SHARE = 0.1  # what `train` sets aside if nobody asks for more
KIND = "near-leak"
SEVERITY = HURTS
DESCRIPTION = (
    "The network learns from nearly the picture that it is tested or selected on: the score is too good."
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
    yield from _find_parted(facts, source)


def _find_parted(facts: Facts, source: Source) -> Iterator[Found]:
    """The pairs that the splits of `train` part: their pixels differ, so nothing keeps them together."""
    rows = np.flatnonzero(facts.readable & (source.splits == SPLITS.index("train")))
    parts = np.full(len(source), -1)
    parts[rows] = SPLITS.index("train")
    if source.made_test:
        _hold_out(facts, source, parts, "test", TEST_SHARE)
    if not (source.splits == SPLITS.index("validation")).any():
        _hold_out(facts, source, parts, "validation", _VALIDATION_SHARE)
    for split, use in (("test", "in the test set"), ("validation", "to select on")):
        own, earlier = SPLITS.index(split), range(SPLITS.index(split))
        parted = [
            (a, b)
            for a, b in facts.near_pairs
            if (parts[a] == own and parts[b] in earlier) or (parts[b] == own and parts[a] in earlier)
        ]
        if parted:
            says = (
                f"{format_count(len(parted), 'pair')} of nearly the same images that the split parts: one to learn "
                f"from, one {use}"
            )
            note = "give both one group in a table to keep them together, or remove one"
            yield Found(says, len(parted), tuple(Case(pair, note) for pair in parted))


def _hold_out(facts: Facts, source: Source, parts: np.ndarray, split: str, share: float) -> None:
    """Mark the training images that become another split, as `train` chooses them unless it is asked otherwise."""
    rows = np.flatnonzero(parts == SPLITS.index("train"))
    groups = None if source.groups is None else source.groups[rows]
    try:
        _, held_out = split_digests(source.labels[rows], facts.digests[rows], groups, share)
    except DataError:  # too few images: `train` says so
        return
    parts[rows[held_out]] = SPLITS.index(split)
