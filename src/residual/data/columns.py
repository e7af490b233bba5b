"""Columns of a source that take little memory: names that are made when they are asked for, and splits in a row."""

import bisect
from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from residual.data.images import SPLITS


class Numbered(Sequence):
    """Names such as "train[7]" or "a.parquet row 7", made when they are asked for: a million take no memory.

    Args:
        around: what stands before and after the number, which begins at 0 for each of them.
        counts: how many names each stands for.
    """

    def __init__(self, around: Sequence[tuple[str, str]], counts: Sequence[int]):
        self.around, self.ends = around, list(accumulate(counts))

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    def __getitem__(self, i: int) -> str:
        if not 0 <= i < len(self):
            raise IndexError(i)
        which = bisect.bisect_right(self.ends, i)
        before, after = self.around[which]
        return f"{before}{i - (self.ends[which - 1] if which else 0)}{after}"


def fill_splits(counts: dict[str, int]) -> np.ndarray:
    """The column of splits that lie one after another in the order of `SPLITS`."""
    return np.repeat(np.arange(len(SPLITS), dtype=np.uint8), [counts.get(split, 0) for split in SPLITS])
