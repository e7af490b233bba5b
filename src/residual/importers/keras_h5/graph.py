"""The graph that an old file's configuration describes: layers, the calls of each layer, the tensors in and out.

Keras 1, 2 and 3 write it differently; `read_graph` reads them all. Nothing is built here.
"""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from residual.errors import RunError
from residual.importers.keras_h5.operators import (
    RESCALE,
    REVERSE,
    Replaced,
    Tensor,
    is_operator,
    merge_scalings,
    replace_operator,
)

NETWORKS = ("Model", "Functional", "Sequential")


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


def read_graph(config: dict) -> Graph:
    """The graph of a model_config: {"class_name": ..., "config": ...}.

    Raises:
        RunError: if it does not have the layout of Keras, or an operator has no stock layer. The message names the
            layer.
    """
    try:
        if config.get("class_name") == "Sequential":
            return _read_sequential(config["config"])
        if config.get("class_name") in NETWORKS:
            return _read_functional(config["config"])
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        if isinstance(error, RunError):
            raise
        raise RunError(f"Its model_config does not have the layout of Keras ({error!r}).") from None
    raise RunError(
        f"Its model_config is of a {config.get('class_name')!r}; only {', '.join(NETWORKS)} can be "
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
    if row["class_name"] in NETWORKS and rows:
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
        if row["class_name"] in NETWORKS and len(nodes) > 1:
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
