"""Labelled images as they lie in their source, not yet decoded: what is listed first and read when needed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from residual.data.decoding import UNREADABLE, File, check_share, decode, without
from residual.data.images import Dataset, Images
from residual.data.splits import aside
from residual.errors import DataError

PARTS = ("train", "validation", "test")
SPELLINGS = {"train": ("train", "training"), "validation": ("val", "valid", "validation"), "test": ("test",)}


class Entry(NamedTuple):
    """One image.

    Attributes:
        name: what a person finds it by: "cats/1.jpg", "train.parquet row 7".
        part: "train", "validation" or "test".
        label: index into the class names.
    """

    name: str
    part: str
    label: int


@dataclass(frozen=True, eq=False)
class Raw:
    """A source of labelled images.

    Attributes:
        name: short name, as of a Dataset.
        layout: what kind of source it is, in a few words: "a zip of class folders".
        where: the file or folder.
        classes: class names.
        entries: every image, in an order that suits reading.
        open: the content of entry i: the bytes of an image file, or the pixels, uint8 (h, w, 3). It may
            raise DataError or OSError for one entry and go on with others; one thread reads at a time.
        passed_over: names of files that lie among the images and are none by their ending.
        groups: int (n,), equal for images that must stay in one part; None where nothing says so.
        made_test: whether the source has no test images of its own.
    """

    name: str
    layout: str
    where: str
    classes: tuple[str, ...]
    entries: Sequence[Entry]
    open: Callable[[int], bytes | np.ndarray]
    passed_over: tuple[str, ...] = ()
    groups: np.ndarray | None = None
    made_test: bool = False

    def indices(self, part: str) -> np.ndarray:
        """Which entries a part has."""
        return np.flatnonzero([entry.part == part for entry in self.entries])

    def labels(self) -> np.ndarray:
        """int64 (n,)."""
        return np.array([entry.label for entry in self.entries], np.int64)

    def to_dataset(self, size: int, unreadable: float = UNREADABLE) -> Dataset:
        """Every image decoded, scaled and cut to (size, size); without test images 15% are set aside.

        Args:
            size: side of the images.
            unreadable: share of the images that may be damaged; they are skipped.

        Raises:
            DataError: when too many cannot be read, a class has no training images, or none can be set aside.
        """
        self._check_classes()
        skipped: dict[int, str] = {}
        if self.entries:
            x = decode(self._files(), len(self.entries), (size, size), self.where, skipped)
        else:
            x = np.empty((0, size, size, 3), np.uint8)
        check_share(skipped, len(self.entries), unreadable, self.where)
        read = replace(
            self,
            entries=[entry for i, entry in enumerate(self.entries) if i not in skipped],
            groups=None if self.groups is None else without(self.groups, skipped),
        )
        told = tuple(skipped.values())
        read._check_classes(told)
        if told and not self.made_test and not len(read.indices("test")):
            raise DataError(f"{self.where}: none of the test images can be read. The first: {told[0]}")
        return replace(read._split(Images(x, read.labels())), unreadable=told)

    def _split(self, decoded: Images) -> Dataset:
        parts = {part: decoded.take(self.indices(part)) for part in PARTS}
        total = f"{len(self.entries):,} images from {self.where} ({self.layout})"
        train = parts["train"]
        groups = None if self.groups is None else self.groups[self.indices("train")]
        if not self.made_test:
            validation = parts["validation"] if len(parts["validation"]) else None
            return Dataset(self.name, train, parts["test"], self.classes, total, validation, groups=groups)
        larger, smaller = aside(train, self.where, groups)
        source = f"{total}; {len(smaller):,} of them set aside as the test set"
        kept = None if groups is None else groups[larger]
        train, test = train.take(larger), train.take(smaller)
        return Dataset(self.name, train, test, self.classes, source, made_test=True, groups=kept)

    def _files(self) -> Iterator[File]:
        """(content or why it cannot be had, name for errors) of every entry."""
        for i, entry in enumerate(self.entries):
            name = f"{self.where}: {entry.name}"
            try:
                content = self.open(i)
            except DataError as error:
                content = error
            except OSError as error:
                content = DataError(f"{name} cannot be read: {error.strerror or error}.")
            yield content, name

    def _check_classes(self, unreadable: Sequence[str] = ()) -> None:
        if len(self.classes) < 2:
            raise DataError(
                f"{self.where}: there must be at least two classes to tell apart; it has {len(self.classes)}."
            )
        counts = np.bincount(self.labels()[self.indices("train")], minlength=len(self.classes))
        empty = [name for name, count in zip(self.classes, counts, strict=True) if not count]
        if empty:
            why = f" that can be read. The first that cannot: {unreadable[0]}" if unreadable else "."
            raise DataError(f"{self.where} has no training images for {', '.join(empty[:8])}{why}")


def ordered(names) -> tuple[str, ...]:
    """Class names sorted, numbers by value and before words."""
    # Not isdigit: "²" is a digit that int() does not take.
    return tuple(
        sorted(
            set(names), key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name)
        )
    )


def part_named(name: str) -> str | None:
    """The part that a folder's or a column's word stands for, or None; capitals do not matter."""
    return next((part for part, words in SPELLINGS.items() if name.strip().lower() in words), None)


def settled(parts: set[str]) -> dict[str, str]:
    """What to take each part for: "validation" without "test" is the test set.

    Args:
        parts: those that a source names.
    """
    if "validation" in parts and "test" not in parts:
        return {"train": "train", "validation": "test"}
    return {part: part for part in parts}
