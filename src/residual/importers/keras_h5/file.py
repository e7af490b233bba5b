"""Read what an HDF5 file of Keras 1, Keras 2 or TensorFlow 1 holds: a configuration and named arrays.

Nothing is built or run here. The layout: the root, or its group "model_weights", lists its layers in the
attribute "layer_names". Each layer is a group that lists its arrays in "weight_names", in the order in
which the layer made them. A whole model also has the attribute "model_config", a JSON text. The optimizer's
state and the training configuration are not read.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import h5py
import numpy as np

from residual.data.hdf5_file import check_texts, open_file
from residual.errors import DataError, RunError
from residual.importers.keras_h5.truncation import explain_truncation

# The last part of an array's name is its role. In Keras 1 `running_std` holds the variance.
_ROLE = re.compile(
    r"(?:^|[_/])(kernel|bias|gamma|beta|moving_mean|moving_variance|running_mean|running_std|mean|variance|count|W|b)(?:_\d+)?(?::\d+)?$"
)
_MODERN = {"W": "kernel", "b": "bias", "running_mean": "moving_mean", "running_std": "moving_variance"}


@dataclass(frozen=True)
class StoredArray:
    """One array, still in the file.

    Attributes:
        layer: the layer of the file that lists it.
        owner: the layer that made it, by the array's name: another one if `layer` is a nested network.
        role: "kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", or of a Normalization layer "mean",
            "variance", "count"; "" if the name does not say.
        data: the array in the file.
        is_flipped: whether it is a convolution of Theano, which runs over its kernel backwards; the other
            backends correlate.
    """

    layer: str
    owner: str
    role: str
    data: h5py.Dataset
    is_flipped: bool = False

    @property
    def name(self) -> str:
        return str(self.data.name)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.data.shape)

    def read(self) -> np.ndarray:
        """The numbers, laid out as Keras lays them out.

        Raises:
            RunError: they cannot be read or were never written. The message names the layer.
        """
        place = f"{self.data.file.filename}: layer {self.layer}: {self.role or 'an array'}"
        # A Normalization layer counts what it was adapted to.
        if self.role != "count" and not np.issubdtype(self.data.dtype, np.floating):
            raise RunError(f"{place} holds {self.data.dtype}, not floating-point numbers.")
        # HDF5 reads zeros if nothing was ever written: an interrupted save, not weights.
        if self.data.size and not self.data.id.get_storage_size():
            raise RunError(f"{place} has a place in the file but was never written.")
        try:
            numbers = self.data[()]
        except (OSError, RuntimeError, ValueError) as error:
            raise RunError(f"{place} cannot be read: {error}") from None
        return numbers[::-1, ::-1] if self.is_flipped else numbers


@dataclass(frozen=True)
class ModelFile:
    """An open file.

    Attributes:
        path: the file.
        config: the network's configuration, or None if the file holds weights alone.
        layers: layer name -> its arrays, in the file's order; layers without arrays are left out.
    """

    path: Path
    config: dict | None
    layers: dict[str, list[StoredArray]]


@contextmanager
def open_model_file(path: Path) -> Iterator[ModelFile]:
    """Open the file at `path` for as long as the context lasts.

    Raises:
        RunError: it is missing, not HDF5, cut short or not a model, or lacks a layer that it lists.
    """
    if not path.is_file():
        raise RunError(f"There is no model file {path}.")
    if not h5py.is_hdf5(path):
        raise RunError(f"{path} is not an HDF5 file. Old models are .h5 or .hdf5 files.")
    try:
        file = open_file(path, explain_truncation)
    except DataError as error:
        raise RunError(str(error)) from None
    with file:
        try:
            check_texts(file, path)
            model_file = _read(path, file)
        except RunError:
            raise
        except DataError as error:
            raise RunError(str(error)) from None
        except Exception as error:  # the library raises whatever the damaged part makes it raise
            raise RunError(f"{path} is damaged: {error}") from None
        yield model_file


def _read(path: Path, file: h5py.File) -> ModelFile:
    root = cast(h5py.Group, file.get("model_weights", file))
    names = _list_names(root, "layer_names")
    backend = _decode(root.attrs.get("backend", file.attrs.get("backend", "")))
    config = file.attrs.get("model_config")
    if names is None:
        raise RunError(_explain_no_model(path, file))
    layers = {name: _list_arrays(path, root, name, backend) for name in names}
    _check_all_listed(path, root, layers)
    return ModelFile(
        path,
        None if config is None else _parse_config(path, config),
        {name: arrays for name, arrays in layers.items() if arrays},
    )


def _list_names(group: h5py.Group, attribute: str) -> list[str] | None:
    """The names in an attribute, or None. Keras splits a list of more than 64 kB into "names0", "names1", ..."""
    if attribute in group.attrs:
        return [_decode(name) for name in group.attrs[attribute]]
    names, part = [], 0
    while f"{attribute}{part}" in group.attrs:
        names += [_decode(name) for name in group.attrs[f"{attribute}{part}"]]
        part += 1
    return names if part else None


def _decode(value) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _parse_config(path: Path, text) -> dict:
    try:
        config = json.loads(_decode(text))
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path}: its model_config is not JSON: {error}") from None
    if not isinstance(config, dict):
        raise RunError(f"{path}: its model_config is a {type(config).__name__}, not a table.")
    return config


def _list_arrays(path: Path, root: h5py.Group, layer: str, backend: str) -> list[StoredArray]:
    """The arrays of one layer, in its own order."""
    try:
        if layer not in root:
            raise RunError(f"{path}: layer {layer} is listed but is not in the file: the file is incomplete.")
        group = root[layer]
        names = _list_names(group, "weight_names")
        if names is None and _find_datasets(group):
            raise RunError(f"{path}: layer {layer} does not list its arrays (weight_names).")
        stored = []
        for name in names or []:
            if name not in group:
                raise RunError(f"{path}: layer {layer}: array {name} is listed but is not in the file.")
            stored.append(_describe_array(path, layer, name, group[name], backend))
    except (OSError, KeyError, RuntimeError, AttributeError, TypeError) as error:
        raise RunError(f"{path}: layer {layer} cannot be read: {error}") from None
    return stored


def _describe_array(path: Path, layer: str, name: str, data, backend: str) -> StoredArray:
    # A link or an external array would read a file that the user did not name.
    if (
        not isinstance(data, h5py.Dataset)
        or data.external
        or data.is_virtual
        or data.file.filename != str(path)
    ):
        raise RunError(f"{path}: layer {layer}: {name} is not an array within this file.")
    match, is_flipped = _ROLE.search(name), backend == "theano" and data.ndim == 4
    if match is None:
        return StoredArray(layer, layer, "", data, is_flipped)
    owner = name[: match.start()] or layer
    return StoredArray(layer, owner, _MODERN.get(match[1], match[1]), data, is_flipped)


def _find_datasets(group: h5py.Group) -> set[str]:
    found = set()
    group.visititems(lambda _, item: found.add(item.name) if isinstance(item, h5py.Dataset) else None)
    return found


def _check_all_listed(path: Path, root: h5py.Group, layers: dict[str, list[StoredArray]]) -> None:
    """RunError if the file holds an array that no layer lists: it would be lost without a word."""
    found = {name for name in _find_datasets(root) if not name.startswith("/optimizer_weights/")}
    names = [array.name for arrays in layers.values() for array in arrays]
    if len(names) != len(set(names)):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise RunError(f"{path}: {twice[0]} is listed twice.")
    unlisted = sorted(found - set(names))
    if unlisted:
        raise RunError(f"{path}: {unlisted[0]} is in the file but no layer lists it.")


def _explain_no_model(path: Path, file: h5py.File) -> str:
    if "layers" in file or "_layer_checkpoint_dependencies" in file:
        return (
            f"{path} is a weights file of Keras 3 (.weights.h5). Build its network and call "
            f"model.load_weights({path.name!r}); then model.save('name.keras')."
        )
    if "nb_layers" in file.attrs:
        return f"{path} was written before Keras 1.0, in a layout that `residual` does not read."
    held = ", ".join(list(file)[:4]) or "nothing"
    return f"{path} is an HDF5 file but not a Keras model: it lists no layers (it holds {held})."
