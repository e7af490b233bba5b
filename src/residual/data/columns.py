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


class ShardNames(Sequence):
    """Names of several files, with the name of its file before each.

    Args:
        parts: for each file what stands before, and the names in it.
    """

    def __init__(self, parts: Sequence[tuple[str, Sequence[str]]]):
        self.parts, self.ends = parts, list(accumulate(len(names) for _, names in parts))

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    def __getitem__(self, i: int) -> str:
        which, k = self.locate(i)
        before, names = self.parts[which]
        return f"{before}{names[k]}"

    def __iter__(self):
        return (f"{before}{name}" for before, names in self.parts for name in names)

    def locate(self, i: int) -> tuple[int, int]:
        """The file of name i, and its place in the file."""
        if not 0 <= i < len(self):
            raise IndexError(i)
        which = bisect.bisect_right(self.ends, i)
        return which, i - (self.ends[which - 1] if which else 0)


def fill_splits(counts: dict[str, int]) -> np.ndarray:
    """The column of splits that lie one after another in the order of `SPLITS`."""
    return np.repeat(np.arange(len(SPLITS), dtype=np.uint8), [counts.get(split, 0) for split in SPLITS])
