"""Assign the arrays of a file to the layers of a network: each exactly once, and read back."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import keras
import numpy as np

from residual.errors import RunError


class Array(Protocol):
    """One array of a file.

    Attributes:
        name: in the file.
        owner: the layer that made it: another than the one that lists it if that is a nested network.
        role: the name of its weight: "kernel", "bias", "gamma", ...; "" if the file does not say.
        shape: its sizes.
    """

    @property
    def name(self) -> str: ...
    @property
    def owner(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...

    def read(self) -> np.ndarray:
        """The numbers, laid out as Keras lays them out. RunError if they cannot be read."""
        ...


def assign_arrays(
    path: Path,
    arrays: Mapping[str, Sequence[Array]],
    model: keras.Model,
    layers: Mapping[str, keras.layers.Layer],
) -> int:
    """Assign every array of a file to its weight in `model`, and read each one back.

    Args:
        path: the file, for messages.
        arrays: layer name in the file -> its arrays, in the order in which the layer made them.
        model: the network.
        layers: layer name in the file -> layer of `model`.

    Returns:
        How many arrays there are: as many as `model` has weights.

    Raises:
        RunError: an array without a weight, a weight without an array, a shape that differs, or numbers
            that cannot be read. The message names the layer. The model is then filled in part: throw it away.
    """
    assigned: set[int] = set()
    for name, found in arrays.items():
        if name not in layers:
            raise RunError(f"{path}: layer {name} holds arrays, but the network has no such layer.")
        for array, place, weight in _pair(path, name, found, layers[name]):
            if id(weight) in assigned:
                raise RunError(f"{path}: layer {name}: two arrays for one weight ({place}).")
            assigned.add(id(weight))
            _assign(path, place, array, weight)
    for name, layer in layers.items():
        missing = [weight.name for weight in layer.weights if id(weight) not in assigned]
        if missing:
            raise RunError(f"{path}: layer {name}: {', '.join(missing)} not in the file: it is incomplete.")
    # The layers above may not be all of the model's; its own list is what counts.
    left = [weight.path for weight in model.weights if id(weight) not in assigned]
    if left or len(assigned) != len(model.weights):
        raise RunError(f"{path}: {', '.join(left) or 'an array'} stands outside the network's layers.")
    _finish_normalizations(model)
    return len(assigned)


def _finish_normalizations(model: keras.Model) -> None:
    """Let the Normalization layers take over the mean and variance that were assigned: they keep copies."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
        elif isinstance(layer, keras.Model):
            _finish_normalizations(layer)


def make_safe_name(name: str) -> str:
    """A layer name that Keras 3 accepts: it reserves "/" for paths."""
    return name.replace("/", "_")


def _pair(
    path: Path, name: str, arrays: Sequence[Array], layer: keras.layers.Layer
) -> Iterator[tuple[Array, str, keras.Variable]]:
    """(array, its place in words, its weight) for the arrays of one layer of the file."""
    if isinstance(layer, keras.Model):
        yield from _pair_nested(path, name, arrays, layer)
        return
    # Names such as param_0, from layers that did not name their weights: the order is that of the layer's weights.
    nameless = all(not array.role for array in arrays) and len(arrays) == len(layer.weights)
    for i, array in enumerate(arrays):
        weight = layer.weights[i] if nameless else _find_weight(path, name, array, layer)
        yield array, f"{name}: {weight.name}", weight


def _pair_nested(
    path: Path, name: str, arrays: Sequence[Array], network: keras.Model
) -> Iterator[tuple[Array, str, keras.Variable]]:
    leaves = _find_leaves(path, name, network)
    for array in arrays:
        leaf = leaves.get(make_safe_name(array.owner), leaves.get(array.owner.rsplit("/", 1)[-1]))
        if leaf is None:
            raise RunError(
                f"{path}: layer {name} holds {array.owner}, but the network in it has no such layer."
            )
        weight = _find_weight(path, f"{name}: {array.owner}", array, leaf)
        yield array, f"{name}: {array.owner}: {array.role}", weight


def _find_leaves(path: Path, name: str, model: keras.Model) -> dict[str, keras.layers.Layer]:
    """The layers with weights of a nested network, also of networks within it, by name."""
    leaves: dict[str, keras.layers.Layer] = {}
    for layer in model.layers:
        inner = _find_leaves(path, name, layer) if isinstance(layer, keras.Model) else {layer.name: layer}
        for leaf, value in inner.items():
            if value.weights and leaves.setdefault(leaf, value) is not value:
                raise RunError(f"{path}: layer {name} is a network with two layers called {leaf}.")
    return leaves


def _find_weight(path: Path, name: str, array: Array, layer: keras.layers.Layer) -> keras.Variable:
    for weight in layer.weights:
        if weight.name == array.role:
            return weight
    has = ", ".join(weight.name for weight in layer.weights) or "no weights"
    raise RunError(f"{path}: layer {name} holds {array.role or array.name}, but in the network it has {has}.")


def _assign(path: Path, place: str, array: Array, weight: keras.Variable) -> None:
    if array.shape != tuple(weight.shape):
        raise RunError(
            f"{path}: layer {place} has shape {array.shape}; the network needs {tuple(weight.shape)}."
        )
    with np.errstate(over="ignore"):  # infinity is read back, and noted
        numbers = array.read().astype("float32" if array.role != "count" else str(weight.dtype))
    weight.assign(numbers)
    if not np.array_equal(keras.ops.convert_to_numpy(weight), numbers, equal_nan=True):
        raise RunError(f"{path}: layer {place} reads back other numbers than the file holds.")
