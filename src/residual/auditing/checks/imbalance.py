"""Classes that have far fewer training images than others."""

from collections.abc import Iterator

import numpy as np

from residual.auditing.finding import NOTE, Found
from residual.auditing.scan import Facts
from residual.data.balance import imbalance
from residual.data.source import Source

KIND = "imbalance"
SEVERITY = NOTE
DESCRIPTION = "The network sees some classes too rarely to learn them, and the plain accuracy hides it."


def find(facts: Facts, source: Source) -> Iterator[Found]:
    """The largest and the smallest class."""
    labels = source.labels[source.indices("train")]
    counts = np.bincount(labels, minlength=len(source.classes))
    if counts.all() and (says := imbalance(labels, source.classes)):
        yield Found(says, int(counts.min()))
