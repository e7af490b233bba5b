"""Arrays of an old file into the layers of a network, each exactly once, and read back."""

from collections.abc import Iterator, Mapping

import keras
import numpy as np

from residual.errors import RunError
from residual.interop.h5_reader import OldFile, StoredArray
from residual.interop.old_values import safe_name


def land(file: OldFile, model: keras.Model, layers: Mapping[str, keras.layers.Layer]) -> int:
    """Assign every array of `file` to its weight in `model`, and read each one back.

    Args:
        file: open.
        model: the network.
        layers: layer name in the file -> layer of `model`.

    Returns:
        How many arrays there were: as many as `model` has weights.

    Raises:
        RunError: an array without a weight, a weight without an array, a shape that differs, or numbers
            that cannot be read. Names the layer. The model is then filled in part: throw it away.
    """
    landed: dict[int, str] = {}
    for name, arrays in file.layers.items():
        if name not in layers:
            raise RunError(f"{file.path}: layer {name} holds arrays, but the network has no such layer.")
        for array, where, weight in _paired(file, name, arrays, layers[name]):
            if id(weight) in landed:
                raise RunError(f"{file.path}: layer {name}: two arrays for one weight ({where}).")
            landed[id(weight)] = where
            _assign(file, where, array, weight)
    for name, layer in layers.items():
        missing = [weight.name for weight in layer.weights if id(weight) not in landed]
        if missing:
            raise RunError(
                f"{file.path}: layer {name}: {', '.join(missing)} not in the file: it is incomplete."
            )
    # The layers above may not be all of the model's; its own list is what counts.
    left = [weight.path for weight in model.weights if id(weight) not in landed]
    if left or len(landed) != len(model.weights):
        raise RunError(f"{file.path}: {', '.join(left) or 'an array'} stands outside the network's layers.")
    return len(landed)


def _paired(
    file: OldFile, name: str, arrays: list[StoredArray], layer: keras.layers.Layer
) -> Iterator[tuple[StoredArray, str, keras.Variable]]:
    """(array, its place in words, its weight) for the arrays of one layer of the file."""
    if isinstance(layer, keras.Model):
        leaves = _leaves(file, name, layer)
        for array in arrays:
            leaf = leaves.get(safe_name(array.owner), leaves.get(array.owner.rsplit("/", 1)[-1]))
            if leaf is None:
                raise RunError(
                    f"{file.path}: layer {name} holds {array.owner}, which the network in it has not."
                )
            yield (
                array,
                f"{name}: {array.owner}: {array.role}",
                _weight(file, f"{name}: {array.owner}", array, leaf),
            )
        return
    # Names such as param_0, from layers that named nothing: the order is that of the layer's weights.
    nameless = all(not array.role for array in arrays) and len(arrays) == len(layer.weights)
    for i, array in enumerate(arrays):
        weight = layer.weights[i] if nameless else _weight(file, name, array, layer)
        yield array, f"{name}: {weight.name}", weight


def _leaves(file: OldFile, name: str, model: keras.Model) -> dict[str, keras.layers.Layer]:
    """The layers with weights of a nested network, also of networks within it, by name."""
    leaves: dict[str, keras.layers.Layer] = {}
    for layer in model.layers:
        found = _leaves(file, name, layer) if isinstance(layer, keras.Model) else {layer.name: layer}
        for leaf, value in found.items():
            if value.weights and leaves.setdefault(leaf, value) is not value:
                raise RunError(f"{file.path}: layer {name} is a network with two layers called {leaf}.")
    return leaves


def _weight(file: OldFile, name: str, array: StoredArray, layer: keras.layers.Layer) -> keras.Variable:
    for weight in layer.weights:
        if weight.name == array.role:
            return weight
    has = ", ".join(weight.name for weight in layer.weights) or "no weights"
    raise RunError(
        f"{file.path}: layer {name} holds {array.role or array.data.name}, but in the network it has {has}."
    )


def _assign(file: OldFile, where: str, array: StoredArray, weight: keras.Variable) -> None:
    if array.shape != tuple(weight.shape):
        raise RunError(
            f"{file.path}: layer {where} has shape {array.shape}; the network needs {tuple(weight.shape)}."
        )
    with np.errstate(over="ignore"):  # infinity is read back, and noted
        numbers = array.read().astype("float32")
    # Theano's convolution runs over the kernel backwards; the other backends correlate.
    if file.backend == "theano" and numbers.ndim == 4:
        numbers = numbers[::-1, ::-1]
    weight.assign(numbers)
    if not np.array_equal(keras.ops.convert_to_numpy(weight), numbers, equal_nan=True):
        raise RunError(f"{file.path}: layer {where} reads back other numbers than the file holds.")
