"""Rebuild the network that an old file's own configuration describes, from stock Keras 3 layers.

A configuration is a graph: layers, the calls of each layer with their inputs, and the tensors that
go in and out. Keras 1, 2 and 3 write it differently; `_read_graph` reads them all.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import keras

from residual._text import first_line
from residual.errors import RunError
from residual.importers.assign import make_safe_name
from residual.importers.keras_h5.layers import make_layer
from residual.importers.keras_h5.operators import (
    RESCALE,
    REVERSE,
    Replaced,
    Tensor,
    is_operator,
    merge_scalings,
    replace_operator,
)
from residual.models.build import raise_recursion_limit

_NETWORKS = ("Model", "Functional", "Sequential")


class Call(NamedTuple):
    """Call `index` of a layer on `inputs`."""

    layer: str
    index: int
    inputs: list[Tensor]


@dataclass(frozen=True)
class Graph:
    """A network as its file describes it.

    Attributes:
        name: the network's.
        entries: layer name -> its entry in the configuration.
        calls: every call of every layer.
        inputs, outputs: the tensors that go in and come out.
        notes: what the user should know about the translation.
    """

    name: str
    entries: dict[str, dict]
    calls: list[Call]
    inputs: list[Tensor]
    outputs: list[Tensor]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Rebuilt:
    """A network without its weights.

    Attributes:
        model: functional.
        layers: old layer name -> layer, for the layers that the model consists of.
        notes: what the user should know about the translation.
    """

    model: keras.Model
    layers: dict[str, keras.layers.Layer]
    notes: tuple[str, ...]


def rebuild_network(config: dict, *, raw_pixels: bool = False) -> Rebuilt:
    """The network of a model_config: {"class_name": ..., "config": ...}.

    Args:
        config: as `json.loads` returns it.
        raw_pixels: divide the input by 255 in a first layer.

    Raises:
        RunError: a layer that is not stock, code, or a graph that does not hold together. The message names the
            layer.
    """
    graph = _read_graph(config)
    made = _make_all(graph)
    if len({make_safe_name(name) for name in made}) != len(made):
        raise RunError('Two of its layers have the same name after "/" is replaced by "_".')
    scaling = (keras.layers.Rescaling, keras.layers.Normalization)
    if raw_pixels and any(isinstance(layer, scaling) for layer in made.values()):
        raise RunError("The old network scales its pixels itself: convert it without `raw_pixels`.")
    tensors = _call_all(graph, made, raw_pixels)
    for tensor in (*graph.inputs, *graph.outputs):
        if tensor not in tensors:
            raise RunError(f"Layer {tensor.layer} is an input or output of the network, but is not in it.")
    inputs = [made[tensor.layer] for tensor in graph.inputs]
    outputs = [tensors[tensor] for tensor in graph.outputs]
    model_name = re.sub(r"\W", "_", graph.name) or "model"
    with raise_recursion_limit():
        model = keras.Model(_unwrap_single(inputs), _unwrap_single(outputs), name=model_name)
    used = {id(layer) for layer in model.layers}
    layers = {name: layer for name, layer in made.items() if id(layer) in used}
    return Rebuilt(model, layers, tuple(dict.fromkeys(graph.notes)))


def _make_all(graph: Graph) -> dict:
    """Every layer by its name; RunError naming all that cannot be rebuilt."""
    made, errors = {}, {}
    for name, entry in graph.entries.items():
        try:
            made[name] = _make(name, entry, graph.notes)
        except RunError as error:
            errors[name] = error
    if errors:
        first, *others = errors
        more = f" {len(others)} more cannot be rebuilt: {', '.join(others[:8])}." if others else ""
        raise RunError(f"{errors[first]}{more}")
    return made


def _make(name: str, entry: dict, notes: list[str]):
    """A layer. An input becomes a Keras tensor, a nested network a model."""
    class_name = str(entry.get("class_name"))
    try:
        if class_name == "InputLayer":
            return _make_input(name, entry["config"])
        if class_name == REVERSE:
            return _reverse_channels
        if class_name in _NETWORKS:
            nested = rebuild_network(entry)
            notes.extend(nested.notes)
            nested.model.name = make_safe_name(name)
            return nested.model
        return make_layer(class_name, entry, name, notes)
    except RunError as error:
        raise RunError(f"Layer {name} ({class_name}): {str(error).rstrip('.')}.") from None
    except Exception as error:  # Keras raises whatever a malformed argument makes it raise
        raise RunError(f"Layer {name} ({class_name}) cannot be rebuilt: {first_line(error)}") from None


def _reverse_channels(x):
    return x[..., ::-1]


def _make_input(name: str, config: dict):
    shape = config.get("batch_input_shape", config.get("batch_shape"))
    if not shape:
        raise RunError("its shape is not in the file")
    return keras.Input(tuple(shape[1:]), dtype=config.get("dtype") or "float32", name=make_safe_name(name))


def _call_all(graph: Graph, made: dict, raw_pixels: bool) -> dict[Tensor, object]:
    """Make every call of the graph after the calls that it needs."""
    tensors: dict[Tensor, object] = {}
    for name, layer in made.items():
        if isinstance(layer, keras.KerasTensor):
            tensors[Tensor(name)] = (
                keras.layers.Rescaling(1 / 255, name="pixels")(layer) if raw_pixels else layer
            )
    waiting = graph.calls
    while waiting:
        ready = [call for call in waiting if all(tensor in tensors for tensor in call.inputs)]
        if not ready:
            lost = next(tensor for tensor in waiting[0].inputs if tensor not in tensors)
            raise RunError(
                f"Layer {waiting[0].layer} reads from layer {lost.layer}, which the file does not have."
            )
        for call in ready:
            _call(made[call.layer], call, tensors)
        done = set(map(id, ready))
        waiting = [call for call in waiting if id(call) not in done]
    return tensors


def _call(layer, call: Call, tensors: dict[Tensor, object]) -> None:
    try:
        result = layer(_unwrap_single([tensors[tensor] for tensor in call.inputs]))
    except Exception as error:  # Keras raises whatever the misfit makes it raise
        raise RunError(f"Layer {call.layer} does not fit what it reads from: {first_line(error)}") from None
    for i, output in enumerate(result if isinstance(result, list | tuple) else [result]):
        tensors[Tensor(call.layer, call.index, i)] = output
        # Keras counts the making of a nested network as its call 0 in some versions, in others not.
        if isinstance(layer, keras.Model):
            tensors[Tensor(call.layer, call.index + 1, i)] = output


def _unwrap_single(values: list):
    return values[0] if len(values) == 1 else values


def _read_graph(config: dict) -> Graph:
    try:
        if config.get("class_name") == "Sequential":
            return _read_sequential(config["config"])
        if config.get("class_name") in _NETWORKS:
            return _read_functional(config["config"])
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        if isinstance(error, RunError):
            raise
        raise RunError(f"Its model_config does not have the layout of Keras ({error!r}).") from None
    raise RunError(
        f"Its model_config is of a {config.get('class_name')!r}; only {', '.join(_NETWORKS)} can be "
        "rebuilt. The layout of a network that is written as a class is in its code, which is not in the file."
    )


def _read_sequential(config: list | dict) -> Graph:
    """A chain of layers."""
    name = "sequential" if isinstance(config, list) else config.get("name", "sequential")
    rows = list(config if isinstance(config, list) else config["layers"])
    if rows[0]["class_name"] != "InputLayer":
        shape = _find_input_shape(rows[0]) or (isinstance(config, dict) and config.get("build_input_shape"))
        if not shape:
            raise RunError("The network does not say the shape of its input.")
        first = {"class_name": "InputLayer", "config": {"name": f"{name}_input", "batch_input_shape": shape}}
        rows = [first, *rows]
    entries = {}
    for i, row in enumerate(rows):
        own = row["config"].get("name") if isinstance(row["config"], dict) else None
        entries[own or row.get("name") or f"{row['class_name'].lower()}_{i}"] = row
    if len(entries) != len(rows):
        raise RunError("Two of its layers have the same name.")
    names = list(entries)
    calls = [Call(after, 0, [Tensor(before)]) for before, after in itertools.pairwise(names)]
    return Graph(name, entries, calls, [Tensor(names[0])], [Tensor(names[-1])])


def _find_input_shape(row: dict) -> list | None:
    """The input shape in the first layer of a chain, or in the first layer of a network that stands there."""
    config = row["config"]
    rows = config if isinstance(config, list) else config.get("layers")
    if row["class_name"] in _NETWORKS and rows:
        return _find_input_shape(rows[0])
    return config.get("batch_input_shape", config.get("batch_shape")) if isinstance(config, dict) else None


def _read_functional(config: dict) -> Graph:
    rows = config["layers"]
    entries = {row.get("name") or row["config"]["name"]: row for row in rows}
    if len(entries) != len(rows):
        raise RunError("Two of its layers have the same name.")
    ends = [_read_tensors(config[key]) for key in ("input_layers", "output_layers")]
    graph = Graph(config.get("name", "model"), entries, [], *ends)
    for name, row in entries.items():
        nodes = row.get("inbound_nodes") or []
        if is_operator(row):
            continue
        if row["class_name"] in _NETWORKS and len(nodes) > 1:
            raise RunError(
                f"Layer {name} is a network that is called {len(nodes)} times, which is not rebuilt."
            )
        for index, node in enumerate(nodes):
            inputs, options = _read_node(node)
            graph.calls.append(Call(name, index, inputs))
            _check_options(name, options, graph.notes)
    _replace_operators(graph)
    return graph


def _replace_operators(graph: Graph) -> None:
    """Put stock layers in the place of operators; those that follow each other and scale become one layer."""
    replaced: dict[str, Replaced] = {}
    for name, row in graph.entries.items():
        if is_operator(row):
            try:
                replaced[name] = replace_operator(row)
            except RunError as error:
                raise RunError(f"Layer {name} ({row['class_name']}): {error}.") from None
    read = [tensor.layer for call in graph.calls for tensor in call.inputs]
    read += [tensor.layer for found in replaced.values() for tensor in found.inputs]
    counts = Counter([*read, *(tensor.layer for tensor in graph.outputs)])
    merged = merge_scalings(replaced, counts)
    for name in merged:
        del graph.entries[name]
    for name, (entry, inputs) in replaced.items():
        graph.entries[name] = entry
        graph.calls.append(Call(name, 0, inputs))
        if entry["class_name"] == REVERSE:
            graph.notes.append(
                f"{name} reverses the channels: the network works on BGR, and still takes RGB."
            )
        if entry["class_name"] == RESCALE:
            parts = [*(before for before, into in merged.items() if into == name), name]
            graph.notes.append(
                f"{' and '.join(parts)} {'are' if len(parts) > 1 else 'is'} a Rescaling layer now: times "
                f"{_format(entry['config']['scale'])}, plus {_format(entry['config']['offset'])}."
            )


def _format(value) -> str:
    """A number, or a list of numbers, in a few digits."""
    return (
        f"[{', '.join(f'{number:.4g}' for number in value)}]" if isinstance(value, list) else f"{value:.4g}"
    )


def _read_tensors(value: list) -> list[Tensor]:
    """[["a", 0, 0], ...], or ["a", 0, 0] alone."""
    return [Tensor(*value)] if isinstance(value[0], str) else [Tensor(*tensor) for tensor in value]


def _read_node(node: list | dict) -> tuple[list[Tensor], dict]:
    """The tensors that a layer was called on, and the further arguments of the call."""
    if isinstance(node, dict):  # Keras 3
        return [Tensor(*history) for history in _find_histories(node["args"])], node.get("kwargs", {})
    options = {}
    for tensor in node:
        options |= tensor[3] if len(tensor) > 3 and tensor[3] else {}
    return [Tensor(*tensor[:3]) for tensor in node], options


def _find_histories(value) -> Iterator[list]:
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        yield value["config"]["keras_history"]
    elif isinstance(value, list):
        for item in value:
            yield from _find_histories(item)


def _check_options(name: str, options: dict, notes: list[str]) -> None:
    """Note `training`; RunError for an argument that would change what the layer computes."""
    for key, value in options.items():
        if key == "training" and value is True:
            notes.append(
                "The old network was built with training=True: its predictions ran in training mode too, and "
                "depended on the batch. This one predicts with the moving statistics."
            )
        elif value not in (None, False):
            raise RunError(f"Layer {name} is called with {key}={value!r}, which is not rebuilt.")
