"""What the augmentations share: their base class, and whole numbers rounded."""

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from residual._checked import Checked

Share = Annotated[float, Meta(ge=0, le=1)]


class Augmentation(Checked, frozen=True, tag_field="kind"):
    """A change of training images at random.

    Called with images (n, height, width, channels) and a NumPy generator, it returns images of the same shape and
    type. One that mixes labels too has `mix` instead.
    """

    @property
    def kind(self) -> str:
        """What recipes call it."""
        return str(self.__struct_config__.tag)

    def describe_kind(self) -> str:
        return f"augment {self.kind}"

    def to_table(self) -> dict:
        """As a TOML table: its kind and its values."""
        return msgspec.to_builtins(self)

    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The images, changed: shape and type stay."""
        raise NotImplementedError


def rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """float `values`, rounded in place if `dtype` holds whole numbers only; assigning converts them."""
    return values if np.issubdtype(dtype, np.floating) else np.rint(values, out=values)
