"""How the layers of a functional Keras model hang together: the only module that reads Keras's graph.

Keras has no public name for the call that made a tensor: `layer.output` is that of a layer's first call, which may
belong to another model, and it does not cover operators and `keras.ops`. `tests/test_keras_internals.py` checks the
private attributes that are read here.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras

from residual.errors import NetworkError


class Call(NamedTuple):
    """One call of a layer, or of a Keras operation such as `x + y`, on symbolic tensors.

    Attributes:
        layer: the layer or operation that was called.
        inputs, outputs: its Keras tensors. `find_calls` joins the calls inside a nested model to those outside.
        args, kwargs: the arguments of the call.
    """

    layer: Any
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def is_functional(layer) -> bool:
    """Whether `layer` is a model with a graph: functional, or Sequential and built."""
    return isinstance(layer, keras.Model) and bool(getattr(layer, "outputs", None))


def find_call(tensor) -> Call:
    """The call that made a Keras tensor; that of an input has no inputs."""
    operation, node_index, _ = tensor._keras_history
    node = operation._inbound_nodes[node_index]
    arguments = node.arguments
    return Call(operation, tuple(node.input_tensors), tuple(node.outputs), arguments.args, arguments.kwargs)


def find_calls(model: keras.Model) -> list[Call]:
    """Every call from the inputs to the outputs of `model`, each after the calls that it reads.

    Models inside the model are opened; their input layers are left out.
    """
    alias: dict[int, Any] = {}
    found: list[Call] = []

    def source(tensor):
        while id(tensor) in alias:
            tensor = alias[id(tensor)]
        return tensor

    def collect(inner):
        entries = {id(tensor) for tensor in inner.inputs}
        for call in _sort_calls(inner):
            inputs = tuple(source(tensor) for tensor in call.inputs)
            if is_functional(call.layer):
                nested = call.layer
                alias.update({id(t): s for t, s in zip(nested.inputs, inputs, strict=False)})
                collect(nested)
                alias.update({id(t): s for t, s in zip(call.outputs, nested.outputs, strict=False)})
            elif inner is model or not any(id(tensor) in entries for tensor in call.outputs):
                found.append(call._replace(inputs=inputs))

    collect(model)
    return found


def _sort_calls(model) -> list[Call]:
    """The calls of one model in topological order, by a walk without recursion: networks are deep."""
    order, seen = [], set()
    stack = [(find_call(tensor), False) for tensor in reversed(model.outputs)]
    while stack:
        call, finished = stack.pop()
        key = id(call.outputs[0])
        if finished:
            order.append(call)
        elif key not in seen:
            seen.add(key)
            stack.append((call, True))
            stack += [(find_call(tensor), False) for tensor in reversed(call.inputs)]
    return order


def make_copier() -> Callable[[Any, tuple, dict[str, Any]], Any]:
    """A `call_layer` for `call_again` that calls copies of the layers, which have their weights but share none."""
    copies: dict[int, Any] = {}

    def call_copy(layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        if not isinstance(layer, keras.layers.Layer):
            return layer(*args, **kwargs)  # an operation such as x + y has no weights
        copy = copies.get(id(layer))
        if copy is None:
            copy = copies[id(layer)] = type(layer).from_config(layer.get_config())
        result = copy(*args, **kwargs)
        copy.set_weights(layer.get_weights())
        if isinstance(copy, keras.layers.Normalization):
            copy.finalize_state()  # it computes with constants that it makes of its weights
        return result

    return call_copy


def call_again(
    model: keras.Model,
    inputs: Sequence[Any],
    call_layer: Callable[[Any, tuple, dict[str, Any]], Any],
    ignored: Sequence[str] = (),
) -> list[Any]:
    """Repeat every call of `model` on other tensors; models inside it are opened.

    Args:
        model: functional.
        inputs: a tensor for each of its inputs.
        call_layer: gets a layer or operation, args and kwargs, and returns what the call returns.
        ignored: arguments that the call of a model inside it may have and that are left out.

    Returns:
        A tensor for each output of the model.

    Raises:
        NetworkError: if a model inside it is called with arguments of its own, such as `training=False`.
    """
    known = {id(tensor): other for tensor, other in zip(model.inputs, inputs, strict=True)}

    def replace(value):
        return known[id(value)] if isinstance(value, keras.KerasTensor) else value

    for call in _sort_calls(model):
        if not call.inputs:
            continue
        args, kwargs = keras.tree.map_structure(replace, (call.args, call.kwargs))
        if is_functional(call.layer):
            if extra := [name for name, value in kwargs.items() if value is not None and name not in ignored]:
                raise NetworkError(
                    f"The model {call.layer.name} inside {model.name} is called with {', '.join(extra)}, which cannot "
                    "be kept. Call it on its input alone; to freeze it, set trainable = False."
                )
            outputs = call_again(call.layer, keras.tree.flatten(args), call_layer, ignored)
        else:
            outputs = keras.tree.flatten(call_layer(call.layer, args, kwargs))
        known.update(zip(map(id, call.outputs), outputs, strict=True))
    return [known[id(tensor)] for tensor in model.outputs]


def find_readers(calls: Sequence[Call]) -> dict[int, list[Any]]:
    """For each layer, by id, the layers that read its output.

    Args:
        calls: from `find_calls`.
    """
    makers = {id(tensor): call.layer for call in calls for tensor in call.outputs}
    readers: dict[int, list[Any]] = {}
    for call in calls:
        for tensor in call.inputs:
            if id(tensor) in makers:
                readers.setdefault(id(makers[id(tensor)]), []).append(call.layer)
    return readers
