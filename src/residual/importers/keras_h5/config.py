"""Rebuild the network that an old file's own configuration describes, from stock Keras 3 layers.

`graph` reads what the file says; here the layers are made and called.
"""

import re
from dataclasses import dataclass

import keras

from residual._text import first_line
from residual.errors import RunError
from residual.importers.assign import make_safe_name
from residual.importers.keras_h5.graph import NETWORKS, Call, Graph, read_graph
from residual.importers.keras_h5.layers import make_layer
from residual.importers.keras_h5.operators import REVERSE, Tensor
from residual.models.build import raise_recursion_limit


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
    graph = read_graph(config)
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
        if class_name in NETWORKS:
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
