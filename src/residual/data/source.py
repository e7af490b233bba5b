"""A source: the labelled images of one place, listed and not yet decoded. Its only way on is to a Dataset."""

import functools
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import numpy as np

from residual.data.decoding import File, decode_images
from residual.data.digests import Digests, hash_names
from residual.data.images import SPLITS, Dataset, ImageNames, Images, resize_all
from residual.data.on_demand import Decoder, is_lazy
from residual.data.passed_over import PassedOver
from residual.data.pixel_cache import VARIABLE, open_cache
from residual.data.pixel_store import Pixels, PixelStore
from residual.data.splits import hold_out
from residual.errors import DataError

MAX_UNREADABLE = 0.05  # the share of image files that may be damaged before that is an error
FILE_SIZE = 64  # side of images that lie in files, if nobody asks for another

LAZY_NOTE = (
    "images are decoded on demand and known by their names: images with the same pixels are not looked for (residual "
    "audit finds them)"
)
NO_CACHE_NOTE = f"{VARIABLE} is not used, since all images are decoded first"

Content = bytes | Path | np.ndarray


class SourceError(DataError):
    """The source itself is damaged, not one image in it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Source(ABC):
    """Labelled images, a column for each fact; row i is image i, in an order that suits reading.

    Attributes:
        name: short name, as of a Dataset.
        layout: what kind of source it is, in a few words: "a zip of class folders".
        where: the file or folder.
        classes: class names.
        names: what a person finds each image by: "cats/1.jpg", "train.parquet row 7".
        labels: int64 (n,), indices into the class names.
        splits: uint8 (n,), indices into `SPLITS`.
        description: one sentence on where the images come from; "" makes one of the other facts.
        notes: how what was not obvious was read, a sentence for each.
        passed_over: files and folders that lie among the images and are not read, with the reason.
        groups: int (n,), equal for images that must stay in one split; None if nothing says so.
        names_classes: whether the source itself lists its classes, so that some may have no training images.
        hint: what to say if a class has no images.
    """

    name: str
    layout: str
    where: str
    classes: tuple[str, ...]
    names: Sequence[str]
    labels: np.ndarray
    splits: np.ndarray
    description: str = ""
    notes: tuple[str, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    groups: np.ndarray | None = None
    names_classes: bool = False
    hint: str = ""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def made_test(self) -> bool:
        """Whether the source has no test images of its own, so that a hold-out becomes the test set."""
        return not (self.splits == SPLITS.index("test")).any()

    def assign_splits(self, keep_validation: bool = False) -> Self:
        """The source with the validation images as its test set, if it has no other.

        Args:
            keep_validation: leave them; a hold-out of the training images becomes the test set.
        """
        validation = self.splits == SPLITS.index("validation")
        if not validation.any() or not self.made_test:
            return self
        if keep_validation:
            return self.with_notes(
                "a hold-out of the training images is the test set, as validation=... asks for"
            )
        source = self.with_notes(
            "the validation images are the test set, because there is no other; with ::validation=val they "
            "stay validation images and a hold-out of the training images is the test set"
        )
        return source._rename_validation(
            np.where(validation, SPLITS.index("test"), self.splits).astype(np.uint8)
        )

    def with_notes(self, *notes: str) -> Self:
        """The source with more notes."""
        return replace(self, notes=(*self.notes, *notes))

    def with_passed_over(self, items: Iterable[PassedOver]) -> Self:
        """The source with more that is not read."""
        return replace(self, passed_over=(*self.passed_over, *items))

    def _rename_validation(self, splits: np.ndarray) -> Self:
        return replace(self, splits=splits)

    def split_of(self, i: int) -> str:
        """ "train", "validation" or "test"."""
        return SPLITS[self.splits[i]]

    def indices(self, split: str) -> np.ndarray:
        """Which images a split has."""
        return np.flatnonzero(self.splits == SPLITS.index(split))

    @abstractmethod
    def open(self, i: int) -> Content:
        """The content of image i: a path, the bytes of an image file, or pixels, uint8 (h, w, 3).

        One thread opens at a time.

        Raises:
            DataError, OSError: for this image; others may still be opened.
            SourceError: if none can be opened from here on.
        """

    def read(self, i: int) -> bytes | np.ndarray:
        """The same with the bytes of a path."""
        content = self.open(i)
        return content.read_bytes() if isinstance(content, Path) else content

    def to_dataset(self, image_size: int | None = None, max_unreadable: float = MAX_UNREADABLE) -> Dataset:
        """Every image decoded, scaled and cut; without test images a hold-out of 15% becomes the test set.

        Args:
            image_size: side of the images; None keeps the size of arrays and of Parquet, and means 64 for
                other image files.
            max_unreadable: share of the image files that may be damaged; they are skipped.

        Raises:
            DataError: if too many cannot be read, a class has no training images, or there can be no hold-out.
        """
        self.check()
        skipped: dict[int, str] = {}
        images = {
            split: self._read_split(rows, image_size, skipped)
            for split in SPLITS
            if len(rows := self.indices(split))
        }
        self._check_skipped(skipped, max_unreadable)
        self._check_sizes(images)
        groups = None
        if self.groups is not None:
            train = self.indices("train")
            groups = self.groups[train[~np.isin(train, list(skipped))]]
        return self._split(images, groups, tuple(skipped.values()))

    @abstractmethod
    def _read_split(self, rows: np.ndarray, image_size: int | None, skipped: dict[int, str]) -> Images:
        """The images of one split; `skipped` gets those that cannot be read, by their row."""

    def _split(
        self, images: dict[str, Images], groups: np.ndarray | None, unreadable: tuple[str, ...]
    ) -> Dataset:
        train, source = images["train"], self.description or self._describe(sum(map(len, images.values())))
        facts = {
            "name": self.name,
            "classes": self.classes,
            "unreadable": unreadable,
            "notes": self.notes,
            "passed_over": self.passed_over,
        }
        facts["validation"] = images.get("validation")
        if not self.made_test:
            return Dataset(train=train, test=images["test"], source=source, groups=groups, **facts)
        larger, smaller = hold_out(train, self.where, groups)
        source = f"{source}; {len(smaller):,} of them set aside as the test set"
        kept = None if groups is None else groups[larger]
        train, test = train.take(larger), train.take(smaller)
        return Dataset(train=train, test=test, source=source, made_test=True, groups=kept, **facts)

    def _describe(self, count: int) -> str:
        return f"{count:,} images from {self.where} ({self.layout})"

    def check(self) -> None:
        """DataError if nothing can be learnt from the images as they are listed: `data`, `audit` and `train` refuse it.

        Raises:
            DataError: without images, with fewer than two classes, for a class without training images, or if no class
                has two images and the source has no test images.
        """
        if not len(self):
            raise DataError(f"{self.where}: there are no images.")
        if len(self.classes) < 2:
            raise DataError(
                f"{self.where}: there must be at least two classes to tell apart; it has {len(self.classes)}."
            )
        counts = self._count_training()
        if not counts.any() or not (self.names_classes or counts.all()):
            self._complain(np.flatnonzero(counts == 0), f". {self.hint}".rstrip())
        if self.made_test and counts.max() < 2:
            raise DataError(
                f"{self.where} has no test images. No class has two images, so none can be set aside: add images."
            )

    def _check_skipped(self, skipped: dict[int, str], max_unreadable: float) -> None:
        """DataError if too many images are skipped, or all of a class or a split."""
        if not skipped:
            return
        first = next(iter(skipped.values()))
        if len(skipped) > max_unreadable * len(self):
            raise DataError(
                f"{self.where}: {len(skipped):,} of {len(self):,} image files cannot be read, more than "
                f"{max_unreadable:.0%}. The first: {first} Mend or remove them (residual audit lists them), or "
                "allow more with `max_unreadable`."
            )
        readable = ~np.isin(np.arange(len(self)), list(skipped))
        emptied = np.flatnonzero((self._count_training() > 0) & (self._count_training(readable) == 0))
        if len(emptied):
            self._complain(emptied, f" that can be read. The first that cannot: {first}")
        for split in SPLITS:
            own = self.indices(split)
            if len(own) and not readable[own].any():
                raise DataError(
                    f"{self.where}: none of the {split} images can be read. The first: {skipped[int(own[0])]}"
                )

    def _count_training(self, chosen: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Training images of each class, among those chosen."""
        own = self.labels[chosen][self.splits[chosen] == SPLITS.index("train")]
        return np.bincount(own, minlength=len(self.classes))

    def _complain(self, classes: np.ndarray, why: str) -> None:
        names = ", ".join(self.classes[i] for i in classes[:8])
        raise DataError(f"{self.where} has no training images for {names}{why}")

    def _check_sizes(self, images: dict[str, Images]) -> None:
        sizes = {split: "{}x{}".format(*part.x.shape[1:3]) for split, part in images.items()}
        for split, size in sizes.items():
            if size != sizes["train"]:
                raise DataError(
                    f"{self.where}: {split} images are {size}, training images {sizes['train']}; all must "
                    "have one size. Scale them when you write the files."
                )


@dataclass(frozen=True, eq=False, kw_only=True)
class FileSource(Source):
    """Image files, wherever they lie.

    Attributes:
        opener: what `open` calls.
        prefix: what stands before the name of an image in errors; "" means `where` and a colon.
        keeps_size: whether the images keep their size if nobody asks for another.
        white: as `read_image` takes it.
        is_seekable: whether any image may be opened at any time, on any thread, for about the same price.
        decode: "first" decodes all images before the training, "lazy" each one when it is asked for, "auto" chooses.
    """

    opener: Callable[[int], bytes | Path] = field(repr=False)
    prefix: str = ""
    keeps_size: bool = False
    white: float | None = None
    is_seekable: bool = False
    decode: str = "auto"

    def open(self, i: int) -> bytes | Path:
        return self.opener(i)

    def to_dataset(self, image_size: int | None = None, max_unreadable: float = MAX_UNREADABLE) -> Dataset:
        """As that of `Source`; if they are too many to decode first, the images are decoded when they are asked for."""
        side = self._choose_side(image_size)
        if is_lazy(self.decode, len(self), side, self.is_seekable, self.where):
            source = self.with_notes(LAZY_NOTE)
            return Source.to_dataset(replace(source, decode="lazy"), image_size, max_unreadable)
        if os.environ.get(VARIABLE):
            more = "; ::decode=lazy uses it" if self.is_seekable else ""
            return Source.to_dataset(self.with_notes(NO_CACHE_NOTE + more), image_size, max_unreadable)
        return super().to_dataset(image_size, max_unreadable)

    def _choose_side(self, image_size: int | None) -> int | None:
        return image_size or (None if self.keeps_size else FILE_SIZE)

    @functools.cached_property
    def _name_digests(self) -> Digests:
        return hash_names(self.names)

    def _read_lazily(self, rows: np.ndarray, side: int) -> Images:
        """The images of one split, none of which is opened."""
        x = self._make_store(side).only(rows)
        return Images(x, self.labels[rows], self._name_digests[rows], ImageNames(self.names, rows))

    def _make_store(self, side: int) -> PixelStore:
        """All images, decoded on demand."""
        shape, white = (side, side, 3), self.white
        facts = repr((os.path.abspath(self.where), white)).encode()
        cache = open_cache(self._name_digests.tobytes() + facts, len(self), shape)
        decoder = Decoder(self._open_or_explain, (side, side), white, len(self), cache)
        return PixelStore(decoder, shape, np.arange(len(self)))

    def _read_split(self, rows: np.ndarray, image_size: int | None, skipped: dict[int, str]) -> Images:
        side = self._choose_side(image_size)
        if self.decode == "lazy" and side is not None:
            return self._read_lazily(rows, side)
        unreadable: dict[int, str] = {}
        fit = None if side is None else (side, side)
        x, digests = decode_images(self._files(rows), len(rows), fit, self.where, unreadable, self.white)
        skipped |= {int(rows[number]): why for number, why in unreadable.items()}
        readable = np.delete(rows, list(unreadable))
        return Images(x, self.labels[readable], digests, ImageNames(self.names, readable))

    def _files(self, rows: np.ndarray) -> Iterator[File]:
        """(content or why it cannot be had, name for errors) of every image."""
        return map(self._open_or_explain, rows.tolist())

    def _open_or_explain(self, i: int) -> File:
        """The content of image i, or why it cannot be had; and its name for errors."""
        name = (self.prefix or f"{self.where}: ") + self.names[i]
        try:
            return self.open(i), name
        except SourceError:
            raise
        except DataError as error:
            return error, name
        except OSError as error:
            return DataError(f"{name} cannot be read: {error.strerror or error}."), name


@dataclass(frozen=True, eq=False, kw_only=True)
class ArraySource(Source):
    """Pixels that lie in memory, the splits one after another.

    Attributes:
        pixels: of each split, uint8 (n, height, width, 3).
    """

    pixels: dict[str, Pixels] = field(repr=False)

    def open(self, i: int) -> np.ndarray:
        split = self.split_of(i)
        return np.asarray(self.pixels[split][i - int(np.searchsorted(self.splits, self.splits[i]))])

    def _rename_validation(self, splits: np.ndarray) -> Self:
        names = {split: "test" if split == "validation" else split for split in self.pixels}
        return replace(
            self, splits=splits, pixels={names[split]: part for split, part in self.pixels.items()}
        )

    def _read_split(self, rows: np.ndarray, image_size: int | None, skipped: dict[int, str]) -> Images:
        x = self.pixels[self.split_of(rows[0])]
        if image_size is not None and x.shape[1:3] != (image_size, image_size):
            x = resize_all(x, image_size)
        return Images(x, self.labels[rows])
