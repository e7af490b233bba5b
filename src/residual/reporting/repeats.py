"""Test images that are there more than once, and what they change."""

from dataclasses import dataclass

import numpy as np

from residual.data.pixel_store import is_lazy
from residual.reporting.judged import JudgedRun


@dataclass(frozen=True)
class Repeats:
    """Images with the same pixels as an earlier one.

    Attributes:
        n: how many there are.
        contradicting: of those, the ones that have another label than the first.
        distinct: images that are left if each is counted once.
        correct: of those, the ones whose label is right.
    """

    n: int
    contradicting: int
    distinct: int
    correct: int


def find_repeats(run: JudgedRun) -> Repeats | None:
    """The repeats among the test images; None if their pixels cannot be had, or have not been hashed."""
    if run.images is None or run.answers is None or is_lazy(run.images.x):
        return None
    _, first, which = np.unique(run.images.digests, axis=0, return_index=True, return_inverse=True)
    labels, places = run.answers.true, first[which.reshape(-1)]
    return Repeats(
        n=len(labels) - len(first),
        contradicting=int((labels != labels[places]).sum()),
        distinct=len(first),
        correct=int(run.answers.right[first].sum()),
    )
