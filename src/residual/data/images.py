"""Labelled images as arrays: what the readers make and training and evaluation take."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from residual.data.digests import Digests, hash_images
from residual.data.passed_over import PassedOver
from residual.data.pixel_store import Pixels, PixelStore, allocate

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class ImageNames:
    """What a person finds some images of a source by; the names themselves are not copied.

    Attributes:
        all_names: of all images of the source.
        rows: int (n,), which of them.
    """

    all_names: Sequence[str]
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> str:
        return self.all_names[int(self.rows[i])]

    def take(self, indices) -> "ImageNames":
        """The names at `indices`."""
        return ImageNames(self.all_names, self.rows[indices])

    def and_also(self, other: "ImageNames") -> "ImageNames":
        """These names and then those of `other`, of the same source."""
        return ImageNames(self.all_names, np.concatenate([self.rows, other.rows]))


@dataclass(frozen=True, eq=False)
class Images:
    """Images and their labels.

    Attributes:
        x: uint8 (n, height, width, 3), RGB, 0-255: an array, or if they are many a `PixelStore` on disk, of
            which x[indices] reads those asked for.
        y: int64 (n,), indices into the class names of the data set.
        known_digests: what `digests` returns, if whoever made the images has hashed them already.
        names: what a person finds each image by, such as "cats/1.jpg"; None if the images lie in arrays.
    """

    x: Pixels
    y: np.ndarray
    known_digests: Digests | None = None
    names: ImageNames | None = None

    def __len__(self) -> int:
        return len(self.y)

    def __repr__(self) -> str:
        return f"Images({'x'.join(map(str, self.x.shape))})"

    @property
    def digests(self) -> Digests:
        """uint64 (n, 2), equal for images with the same pixels. Each image is hashed once."""
        if self.known_digests is None:
            object.__setattr__(self, "known_digests", hash_images(self.x))
        return self.known_digests

    def take(self, indices) -> "Images":
        """The images at `indices`; of those on disk no pixel is read."""
        x = self.x.only(indices) if isinstance(self.x, PixelStore) else self.x[indices]
        digests = None if self.known_digests is None else self.known_digests[indices]
        return Images(x, self.y[indices], digests, None if self.names is None else self.names.take(indices))

    def replacing_unreadable(self, most: float) -> "Images":
        """The same as training images: in the place of one that cannot be decoded the next of its class is shown.

        Args:
            most: share of them that may be unreadable.
        """
        if not isinstance(self.x, PixelStore):
            return self
        return replace(self, x=self.x.replacing_unreadable(self.y, most))

    def and_also(self, other: "Images") -> "Images":
        """These images and then those of `other`, which were taken from the same set."""
        if isinstance(self.x, PixelStore) and isinstance(other.x, PixelStore):
            x = self.x.and_also(other.x)
        else:
            x = np.concatenate([self.x, other.x])
        known = None
        if self.known_digests is not None and other.known_digests is not None:
            known = np.concatenate([self.known_digests, other.known_digests])
        named = self.names is not None and other.names is not None
        names = self.names.and_also(other.names) if named else None  # type: ignore[union-attr]
        return Images(x, np.concatenate([self.y, other.y]), known, names)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images to learn from and images to test on.

    Attributes:
        name: short name, used in the names of runs.
        train: images for training; the validation split is taken from them if `validation` is None.
        test: images that only evaluation reads.
        classes: class names; label i means classes[i].
        source: one sentence on where the images come from, shown to the user and kept in the run.
        validation: validation images, if the source has them apart.
        made_test: whether the source had no test images, so that a hold-out of its images became the test set.
        groups: int (n,) of the training images, equal for those that must stay in one split; None if the
            source says nothing of the kind.
        unreadable: why each image file that was skipped could not be read.
        notes: how what was not obvious was read, a sentence for each.
        passed_over: files and folders among the images that were not read, with the reason.
    """

    name: str
    train: Images
    test: Images
    classes: tuple[str, ...]
    source: str
    validation: Images | None = None
    made_test: bool = False
    groups: np.ndarray | None = None
    unreadable: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()

    def __repr__(self) -> str:
        counts = ", ".join(
            f"{name} {len(images):,}" for name in SPLITS if (images := getattr(self, name)) is not None
        )
        height, width = self.size
        return f"Dataset({self.name!r}, {counts}, {width}x{height} pixels, {len(self.classes)} classes)"

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of every image."""
        return self.train.x.shape[1], self.train.x.shape[2]


def resize_all(x: Pixels, size: int) -> Pixels:
    """Every image of uint8 (n, h, w, 3) scaled and cut to (size, size)."""
    from PIL import Image, ImageOps

    scaled = allocate(len(x), (size, size, 3), "the scaled images")
    for i in range(len(x)):
        image = ImageOps.fit(Image.fromarray(x[i]), (size, size), Image.Resampling.BILINEAR)
        scaled[i] = np.asarray(image)
    return scaled
