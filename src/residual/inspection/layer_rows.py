"""The layers of a model, one row each: place, sizes, parameters and multiply-adds."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import keras

from residual._keras_graph import Call, find_readers, is_functional
from residual.inspection.costs import count_multiply_adds
from residual.inspection.layer_details import describe_layer
from residual.inspection.model_graph import find_shortcut_layers
from residual.models.layer_names import find_block, find_group

_STAGE = re.compile(r"stage\d+$")


@dataclass(frozen=True)
class Row:
    """One layer.

    Attributes:
        name, kind: of the layer, and of its class, e.g. "Conv2D".
        detail: its sizes, e.g. "3x3, 64, stride 2".
        group: "stem", "stage1", ..., "head"; "layers" in a network that has no stages.
        block: e.g. "stage1_block2" or "2b"; "" outside blocks.
        on_shortcut: whether it stands on the shortcut of its block.
        output_shape: without the batch, e.g. (56, 56, 64).
        trainable, non_trainable: parameters.
        multiply_adds: per image.
    """

    name: str
    kind: str
    detail: str
    group: str
    block: str
    on_shortcut: bool
    output_shape: tuple[int | None, ...]
    trainable: int
    non_trainable: int
    multiply_adds: int

    @property
    def parameters(self) -> int:
        return self.trainable + self.non_trainable

    @property
    def likeness(self) -> tuple:
        """All fields but the names: equal for layers that do the same."""
        return (self.kind, self.detail, self.on_shortcut, self.output_shape, self.trainable,
                self.non_trainable, self.multiply_adds)  # fmt: skip


def list_rows(model: keras.Model, calls: Sequence[Call]) -> tuple[Row, ...]:
    """The rows of a functional model, in Keras's order; models inside the model are opened.

    Args:
        model: functional, with a fixed input size.
        calls: its calls, from `_keras_graph.find_calls`.
    """
    layers = _list_layers(model)
    places = _find_places(layers, find_readers(calls))
    shortcuts = find_shortcut_layers(calls, {key: block for key, (_, block) in places.items()})
    calls_of: dict[int, list[Call]] = {}
    for call in calls:
        calls_of.setdefault(id(call.layer), []).append(call)
    counted: set[int] = set()
    return tuple(
        _make_row(layer, calls_of[id(layer)], places[id(layer)], id(layer) in shortcuts, counted)
        for layer in layers
        if id(layer) in calls_of
    )


def _list_layers(model) -> list:
    """The layers in Keras's order; those of a model inside the model stand in its place."""
    result = []
    for layer in model.layers:
        if is_functional(layer):
            result += [
                inner for inner in _list_layers(layer) if not isinstance(inner, keras.layers.InputLayer)
            ]
        else:
            result.append(layer)
    return list({id(layer): layer for layer in result}.values())


def _find_places(layers: Sequence[Any], readers: dict[int, list[Any]]) -> dict[int, tuple[str, str]]:
    """(group, block) of each layer, by id."""
    if not any(_STAGE.match(find_group(layer.name)) for layer in layers):
        return {id(layer): ("layers", "") for layer in layers}
    places: dict[int, tuple[str, str]] = {}
    current = ("stem", "")
    for layer in layers:
        group, block = find_group(layer.name), find_block(layer.name)
        if group == "stem" and current[0] != "stem":
            # A name without a place, such as "max_pooling2d_3": the layer belongs where its neighbours are.
            after = {find_block(reader.name) for reader in readers.get(id(layer), [])}
            group, block = current[0], current[1] if after == {current[1]} else ""
        current = (group, block)
        places[id(layer)] = current
    return places


def _make_row(layer, calls, place: tuple[str, str], on_shortcut: bool, counted: set[int]) -> Row:
    group, block = place
    shapes = [(_first_shape(call.inputs or call.outputs), _first_shape(call.outputs)) for call in calls]
    return Row(
        name=layer.name,
        kind=type(layer).__name__,
        detail=describe_layer(layer, *shapes[0]),
        group=group,
        block=block,
        on_shortcut=on_shortcut,
        output_shape=shapes[0][1],
        trainable=_count_parameters(layer.trainable_weights, counted),
        non_trainable=_count_parameters(layer.non_trainable_weights, counted),
        multiply_adds=sum(count_multiply_adds(layer, before, after) for before, after in shapes),
    )


def _first_shape(tensors) -> tuple[int | None, ...]:
    return tuple(tensors[0].shape[1:])


def _count_parameters(weights, counted: set[int]) -> int:
    """The parameters in `weights`, without those that an earlier layer shares."""
    fresh = [weight for weight in weights if id(weight) not in counted]
    counted.update(map(id, fresh))
    return sum(prod(weight.shape) for weight in fresh)
