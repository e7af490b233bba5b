"""What the augmentations share: their base class, rounding to whole numbers, batches in small pieces."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from residual._checked import AbstractMeta, Checked

_PIXELS_AT_A_TIME = 1 << 15  # of images resampled together: bilinear then takes a third of the time

Share = Annotated[float, Meta(ge=0, le=1)]


class Augmentation(Checked, frozen=True, tag_field="kind", metaclass=AbstractMeta):
    """A change of training images at random."""

    @property
    def kind(self) -> str:
        """What recipes call it."""
        return str(self.__struct_config__.tag)

    def describe_kind(self) -> str:
        return f"augment {self.kind}"

    def to_table(self) -> dict:
        """As a TOML table: its kind and its values."""
        return msgspec.to_builtins(self)

    @abstractmethod
    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The images (n, height, width, channels), changed: shape and type stay."""

    def mix(self, x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """The images, changed, and their one-hot labels float32 (n, classes)."""
        return self(x, rng), y

    def mix_in_epoch(
        self, x: np.ndarray, y: np.ndarray, rng: np.random.Generator, images: np.ndarray, epoch: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `mix`, for a batch of which it is known what it holds.

        Args:
            x, y, rng: as `mix` takes them.
            images: the number of each image among the training images, (n,).
            epoch: counted from 0.
        """
        return self.mix(x, y, rng)


class Mixture(Augmentation, frozen=True):
    """An augmentation that mixes images, and their labels with them."""

    @abstractmethod
    def mix(self, x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """x (n, h, w, c) and y float32 (n, classes), mixed."""

    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return self.mix(x, np.ones((len(x), 1), np.float32), rng)[0]


def split_batch(x: np.ndarray) -> Iterator[slice]:
    """Slices of a batch (n, h, w, c), one image at least, that are small enough for a core's cache."""
    group = max(1, _PIXELS_AT_A_TIME // (x.shape[1] * x.shape[2]))
    return (slice(first, first + group) for first in range(0, len(x), group))


def rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """float `values`, rounded in place if `dtype` holds whole numbers only; assigning converts them."""
    return values if np.issubdtype(dtype, np.floating) else np.rint(values, out=values)
