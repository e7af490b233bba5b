"""The arrays of a .weights.h5 file of Keras 3, under the names that its layers had.

The file holds them as layers/conv2d_3/vars/0: the kind of the layer, a number, and the place of the weight. New files
also keep the layer's name; in old ones the number is all there is.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from residual.data.hdf5_file import check_texts, list_arrays, open_file, read_array
from residual.errors import DataError, RunError

_PLACE = re.compile(r"(?:.*/)?layers/([a-z0-9_]+?)(?:_(\d+))?/vars/(\d+)")
ROLES = {
    "conv2d": ("kernel", "bias"),
    "batch_normalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "dense": ("kernel", "bias"),
}


@dataclass(frozen=True)
class HubArray:
    """One array, still in the file.

    Attributes:
        path: the file.
        file: it, open.
        name: of the array in it.
        owner: the layer, as keras-hub calls it.
        role: "kernel", "gamma", ...
        shape: its sizes.
    """

    path: Path
    file: Any
    name: str
    owner: str
    role: str
    shape: tuple[int, ...]

    def read(self) -> np.ndarray:
        """The numbers. RunError if they cannot be read, or were never written."""
        try:
            values = read_array(self.file, self.name, self.path)
            if values.size and not self.file[self.name].id.get_storage_size():
                raise RunError(
                    f"{self.path}: {self.owner}: {self.role} has a place in the file but was never written."
                )
        except (DataError, OSError, RuntimeError, ValueError, KeyError) as error:
            if isinstance(error, RunError):
                raise
            raise RunError(f"{self.path}: {self.owner}: {self.role} cannot be read: {error}") from None
        if values.dtype.kind != "f":
            raise RunError(
                f"{self.path}: {self.owner}: {self.role} holds {values.dtype}, not floating-point numbers."
            )
        return values


@contextlib.contextmanager
def open_weights(path: Path, numbered: Mapping[str, Sequence[str]]) -> Iterator[dict[str, list[HubArray]]]:
    """The arrays of a file by the layers that own them, for as long as the context lasts.

    Args:
        path: the .weights.h5 file.
        numbered: kind of layer, such as "conv2d" -> names of these layers in the order of their numbers.

    Raises:
        RunError: the file is missing or damaged, or holds an array that belongs to no such layer.
    """
    if not path.is_file():
        raise RunError(
            f"{path} is missing: the folder {path.parent} is incomplete. Copy or download it again."
        )
    try:
        with open_file(path) as file:
            check_texts(file, path)
            yield _list(path, file, numbered)
    except DataError as error:
        raise RunError(str(error)) from None


def _list(path: Path, file: Any, numbered: Mapping[str, Sequence[str]]) -> dict[str, list[HubArray]]:
    try:
        found = list_arrays(file, path)
        named = {name: _read_name(file, name) for name in found if isinstance(name, str)}
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} is damaged: {error}. Copy or download it again.") from None
    arrays: dict[str, list[HubArray]] = {name: [] for names in numbered.values() for name in names}
    for name, (_, shape) in found.items():
        match = _PLACE.fullmatch(str(name))
        if match is None and str(name).startswith(("optimizer", "seed_generator")):
            continue  # of the training
        kind, number, place = match.groups() if match else ("", None, "0")
        roles, names = ROLES.get(kind, ()), numbered.get(kind, ())
        owner = named.get(str(name)) or (names[int(number or 0)] if int(number or 0) < len(names) else "")
        if owner not in arrays or int(place) >= len(roles):
            raise RunError(
                f"{path} holds the array {name} of shape {tuple(shape)}, for which the network of config.json has no "
                f"layer: it has {', '.join(f'{len(names)} of {kind}' for kind, names in numbered.items())}."
            )
        arrays[owner].append(HubArray(path, file, str(name), owner, roles[int(place)], tuple(shape)))
    return arrays


def _read_name(file: Any, array: str) -> str:
    """The layer's name that stands beside an array, or ""."""
    name = file[array].parent.attrs.get("name", "")
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
