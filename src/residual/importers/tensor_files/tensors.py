"""Named tensors of a file: their shapes at once, their numbers when they are needed."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

# The types of numbers that are read. bfloat16 is read as uint16: its bits are the upper half of a float32.
NUMPY: dict[str, np.dtype] = {
    "float64": np.dtype("<f8"),
    "float32": np.dtype("<f4"),
    "float16": np.dtype("<f2"),
    "bfloat16": np.dtype("<u2"),
    "int64": np.dtype("<i8"),
    "int32": np.dtype("<i4"),
    "int16": np.dtype("<i2"),
    "int8": np.dtype("i1"),
    "uint8": np.dtype("u1"),
    "bool": np.dtype("?"),
}


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor of a file.

    Attributes:
        name: in the file, such as "layer1.0.conv1.weight".
        shape: as torch has it: (outputs, inputs, height, width) of a convolution.
        dtype: a key of `NUMPY`.
        load: returns the numbers as the file has them.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    load: Callable[[], np.ndarray]

    @property
    def is_float(self) -> bool:
        """Whether its numbers are weights, and not counts."""
        return "float" in self.dtype

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    def read(self) -> np.ndarray:
        """The numbers as float32, of `shape`.

        Raises:
            RunError: they cannot be read.
        """
        return widen(self.load(), self.dtype)


@dataclass(frozen=True)
class TensorSet:
    """All tensors of a file, or of a set of shards.

    Attributes:
        tensors: by name.
        notes: what was chosen among what the file holds, a sentence each.
        files: that were read.
    """

    tensors: Mapping[str, Tensor]
    notes: tuple[str, ...] = ()
    files: tuple = field(default_factory=tuple)


def widen(numbers: np.ndarray, dtype: str) -> np.ndarray:
    """Numbers of a file as float32; half precision is exact in it, float64 is rounded."""
    if dtype == "bfloat16":
        return (numbers.astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinity, which `convert` reports
        return numbers.astype(np.float32)
