"""Classes without images in a split."""

from collections.abc import Iterator

import numpy as np

from residual.auditing.finding import NOTE, SPLIT_WORDS, Case, Found, format_count
from residual.auditing.scan import Facts
from residual.data.images import SPLITS
from residual.data.source import Source

KIND = "no-images"
SEVERITY = NOTE
DESCRIPTION = "What the network knows of these classes cannot be learnt, or cannot be measured."


def find(facts: Facts, source: Source) -> Iterator[Found]:
    """For each split that there is, the classes that it lacks."""
    for split in SPLITS:
        labels = source.labels[source.indices(split)]
        if not len(labels):
            continue
        counts = np.bincount(labels, minlength=len(source.classes))
        lacking = [source.classes[i] for i in np.flatnonzero(counts == 0)]
        if lacking:
            count = format_count(len(lacking), "class", "classes")
            says = f"{count} without {SPLIT_WORDS[split]} images: {', '.join(lacking[:5])}"
            yield Found(says, len(lacking), tuple(Case((), name) for name in lacking))
