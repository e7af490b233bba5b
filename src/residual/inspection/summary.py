"""What a network is made of: every layer with its sizes, parameters and multiply-adds, by stage and block."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from math import prod
from typing import Any

import keras

from residual import _keras_graph
from residual._keras_graph import Call
from residual._text import format_shape
from residual.errors import NetworkError
from residual.insight import graph
from residual.insight.arithmetic import detail, is_weighted, multiply_adds
from residual.insight.listing import print_summary
from residual.networks import group_of

__all__ = ["Block", "Row", "Run", "Section", "Summary", "print_summary", "summarize"]

_BLOCK = re.compile(r"(stage\d+_block\d+|conv[2-5]_block\d+)_|(?:res|bn)(\d[a-z])_")
_STAGE = re.compile(r"stage\d+$")


@dataclass(frozen=True)
class Row:
    """One layer.

    Attributes:
        name, kind: of the layer, and of its class, e.g. "Conv2D".
        detail: its sizes, e.g. "3x3, 64, stride 2".
        group: "stem", "stage1", ..., "head"; "layers" in a network that has no stages.
        block: e.g. "stage1_block2" or "2b"; "" outside blocks.
        on_shortcut: whether it stands on a block's shortcut.
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
        """All but the names: equal for layers that do the same."""
        return (self.kind, self.detail, self.on_shortcut, self.output_shape, self.trainable,
                self.non_trainable, self.multiply_adds)  # fmt: skip


class _Totals:
    """Sums over `rows`."""

    rows: tuple[Row, ...]

    @property
    def trainable(self) -> int:
        return sum(row.trainable for row in self.rows)

    @property
    def non_trainable(self) -> int:
        return sum(row.non_trainable for row in self.rows)

    @property
    def parameters(self) -> int:
        return self.trainable + self.non_trainable

    @property
    def multiply_adds(self) -> int:
        return sum(row.multiply_adds for row in self.rows)

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        return self.rows[-1].output_shape


@dataclass(frozen=True)
class Block(_Totals):
    """The layers of one block; or, named "", layers that follow each other outside blocks."""

    name: str
    rows: tuple[Row, ...]

    @property
    def shortcut(self) -> str:
        """What is added to F(x): "identity", "projection" (a convolution), "zero-pad" (the input,
        subsampled or padded without parameters) or "none"."""
        if not any(row.kind == "Add" for row in self.rows):
            return "none"
        shortcut = [row for row in self.rows if row.on_shortcut]
        if any(row.multiply_adds for row in shortcut):
            return "projection"
        return "zero-pad" if shortcut else "identity"


@dataclass(frozen=True)
class Run:
    """Neighbouring blocks that are alike in all but names."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Section(_Totals):
    """The layers of one group."""

    name: str
    rows: tuple[Row, ...]

    @property
    def blocks(self) -> tuple[Block, ...]:
        found = groupby(self.rows, key=lambda row: row.block)
        return tuple(Block(name, tuple(rows)) for name, rows in found)

    @property
    def block_count(self) -> int:
        return sum(1 for block in self.blocks if block.name)

    @property
    def runs(self) -> tuple[Run, ...]:
        """The blocks in order, those alike gathered."""
        alike = groupby(self.blocks, key=lambda block: (bool(block.name), [r.likeness for r in block.rows]))
        return tuple(Run(tuple(blocks)) for _, blocks in alike)


@dataclass(frozen=True)
class Summary(_Totals):
    """A network in numbers.

    Attributes:
        name: of the model.
        input_shapes: of its inputs, without the batch.
        depth: convolutions and dense layers on the longest path. A name may count otherwise:
            wide-resnet28-10, of depth 26, counts projections too.
        rows: every layer, in the model's order.
    """

    name: str
    input_shapes: tuple[tuple[int, ...], ...]
    depth: int
    rows: tuple[Row, ...]

    @property
    def input_text(self) -> str:
        return " and ".join(format_shape(shape) for shape in self.input_shapes)

    @property
    def sections(self) -> tuple[Section, ...]:
        """Groups by first appearance."""
        names = dict.fromkeys(row.group for row in self.rows)
        return tuple(Section(name, tuple(row for row in self.rows if row.group == name)) for name in names)

    def to_dict(self) -> dict[str, Any]:
        """Everything as dicts, lists, strings and numbers."""
        return {
            "name": self.name,
            "input_shapes": [list(shape) for shape in self.input_shapes],
            "depth": self.depth,
            **_counts(self),
            "sections": [
                {"name": section.name, "blocks": section.block_count, **_counts(section)}
                for section in self.sections
            ],
            "layers": [asdict(row) | {"output_shape": list(row.output_shape)} for row in self.rows],
        }


def _counts(part: _Totals) -> dict[str, Any]:
    return {
        "output_shape": list(part.output_shape),
        "parameters": part.parameters,
        "trainable": part.trainable,
        "non_trainable": part.non_trainable,
        "multiply_adds": part.multiply_adds,
    }


def summarize(model: keras.Model) -> Summary:
    """Every layer of a functional model, with sizes, parameters and multiply-adds.

    Multiply-adds are those of convolutions and dense layers, as `arithmetic.multiply_adds` counts them; a
    layer called twice counts twice, its parameters once. Models inside the model are opened.

    Args:
        model: of this package, of keras.applications, or any functional or built Sequential model; stages
            and blocks are told by layer names.

    Raises:
        NetworkError: a model without a graph, or with an input size that varies.
    """
    if not _keras_graph.is_functional(model):
        raise NetworkError(
            f"{model.name} must be a functional model, or a Sequential one that is built; "
            f"got {type(model).__name__} without inputs and outputs. Build it with an input size."
        )
    inputs = tuple(tuple(tensor.shape[1:]) for tensor in model.inputs)
    if any(None in shape for shape in inputs):
        raise NetworkError(
            f"The multiply-adds of {model.name} depend on its input size, and that is "
            f"{' and '.join(map(format_shape, inputs))}. Give an input size: build the network with "
            "input_shape=(224, 224, 3), say."
        )
    calls = _keras_graph.find_calls(model)
    layers = _layers(model)
    places = _places(layers, _keras_graph.find_readers(calls))
    shortcuts = graph.shortcut_layers(calls, {key: block for key, (_, block) in places.items()})
    return Summary(
        model.name, inputs, graph.depth(calls, is_weighted), _rows(layers, calls, places, shortcuts)
    )


def _layers(model) -> list:
    """The layers in Keras's order, those of models inside the model in their place."""
    result = []
    for layer in model.layers:
        if _keras_graph.is_functional(layer):
            result += [inner for inner in _layers(layer) if not isinstance(inner, keras.layers.InputLayer)]
        else:
            result.append(layer)
    return list({id(layer): layer for layer in result}.values())


def _places(layers: Sequence[Any], readers: dict[int, list[Any]]) -> dict[int, tuple[str, str]]:
    """(group, block) of each layer, by id."""
    if not any(_STAGE.match(group_of(layer.name)) for layer in layers):
        return {id(layer): ("layers", "") for layer in layers}
    places: dict[int, tuple[str, str]] = {}
    current = ("stem", "")
    for layer in layers:
        group, block = group_of(layer.name), _block_of(layer.name)
        if group == "stem" and current[0] != "stem":
            # A name that tells nothing, such as "max_pooling2d_3": it stays where its neighbours are.
            after = {_block_of(reader.name) for reader in readers.get(id(layer), [])}
            group, block = current[0], current[1] if after == {current[1]} else ""
        current = (group, block)
        places[id(layer)] = current
    return places


def _block_of(name: str) -> str:
    match = _BLOCK.match(name)
    return next(part for part in match.groups() if part) if match else ""


def _rows(layers, calls: Sequence[Call], places, shortcuts: set[int]) -> tuple[Row, ...]:
    calls_of: dict[int, list[Call]] = {}
    for call in calls:
        calls_of.setdefault(id(call.layer), []).append(call)
    counted: set[int] = set()
    return tuple(
        _row(layer, calls_of[id(layer)], places[id(layer)], id(layer) in shortcuts, counted)
        for layer in layers
        if id(layer) in calls_of
    )


def _row(layer, calls, place: tuple[str, str], on_shortcut: bool, counted: set[int]) -> Row:
    group, block = place
    shapes = [(_shape(call.inputs or call.outputs), _shape(call.outputs)) for call in calls]
    return Row(
        name=layer.name,
        kind=type(layer).__name__,
        detail=detail(layer, *shapes[0]),
        group=group,
        block=block,
        on_shortcut=on_shortcut,
        output_shape=shapes[0][1],
        trainable=_count(layer.trainable_weights, counted),
        non_trainable=_count(layer.non_trainable_weights, counted),
        multiply_adds=sum(multiply_adds(layer, before, after) for before, after in shapes),
    )


def _shape(tensors) -> tuple[int | None, ...]:
    return tuple(tensors[0].shape[1:])


def _count(weights, counted: set[int]) -> int:
    """Parameters in `weights`, without those that an earlier layer has and shares."""
    fresh = [weight for weight in weights if id(weight) not in counted]
    counted.update(map(id, fresh))
    return sum(prod(weight.shape) for weight in fresh)
