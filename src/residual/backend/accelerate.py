"""The hot path, put into a stock Keras model for its training and taken out again.

A layer of the model gets a faster class and a precision; its weights, its name and its place stay. Which layers, and
how they compute, is what `choice` measured. Nothing of it reaches a file: `stock` gives every layer its own class back
while a model is saved.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import keras

from residual._keras_graph import Call, find_call, find_calls, find_readers
from residual.backend.choice import (
    Choice,
    convolution_question,
    input_size,
    norm_question,
    optimizer_question,
)

BYTES = {"float32": 4, "bfloat16": 2}  # of an activation in each precision


@dataclass(frozen=True)
class _Before:
    """What a layer was before it was changed."""

    layer: keras.layers.Layer
    kind: type
    policy: keras.DTypePolicy

    def restore(self) -> None:
        self.layer.__class__ = self.kind
        self.layer.dtype_policy = self.policy
        for name in ("bias_is_subtracted", "ways"):
            self.layer.__dict__.pop(name, None)


@contextlib.contextmanager
def accelerated(model: keras.Model, choice: Choice | None = None):
    """Run `model` on the layers and in the precision that were chosen for it.

    Inside, `fit`, `evaluate` and `predict` use them; afterwards the model is stock again. Compile the model inside:
    a compiled function keeps the layers that it was made with.

    Args:
        model: a functional model of stock layers.
        choice: what `choice.choose` measured; None takes the usual ways, in float32. In bfloat16, activations and
            products are bfloat16; weights, sums, batch statistics and the head stay float32.
    """
    choice = choice or Choice()
    before = [_Before(layer, type(layer), layer.dtype_policy) for layer in model.layers]
    faster, calls = _faster_classes(), find_calls(model)
    ends = _find_float32_layers(calls)
    try:
        for layer in model.layers:
            if faster:
                _accelerate(layer, faster, choice)
            if choice.precision != "float32" and id(layer) not in ends:
                layer.dtype_policy = keras.DTypePolicy(f"mixed_{choice.precision}")
        if faster:
            _mark_subtracted_biases(model, calls)
        yield model
    finally:
        for state in before:
            state.restore()
        _forget_compiled(model)


def _accelerate(layer, faster: dict[type, type], choice: Choice) -> None:
    """Give a layer its faster class, and what was measured for its shape."""
    kind = type(layer)
    if kind is keras.layers.Conv2D:
        from residual.backend.tensorflow_cpu.convolution import shape_of

        shape = shape_of(layer, input_size(layer))
        layer.__class__ = faster[kind]
        answer = choice.answers.get(convolution_question(shape, choice.batch_size, choice.precision))
        if answer is not None:
            layer.ways = tuple(answer.split())
    elif kind is keras.layers.BatchNormalization:
        size = input_size(layer)
        if choice.answers.get(norm_question(size, choice.batch_size, choice.precision)) != "keras":
            layer.__class__ = faster[kind]


@contextlib.contextmanager
def stock(model: keras.Model):
    """Give every layer its stock class and float32 while a file is written, then what it had."""
    faster = {fast: own for own, fast in _faster_classes().items()}
    changed = []
    for layer in model.layers:
        own = faster.get(type(layer), type(layer))
        if own is not type(layer) or layer.dtype_policy.name != "float32":
            changed.append(_Before(layer, type(layer), layer.dtype_policy))
            layer.__class__ = own
            layer.dtype_policy = keras.DTypePolicy("float32")
    try:
        yield model
    finally:
        for state in changed:
            state.layer.__class__, state.layer.dtype_policy = state.kind, state.policy


def fused(
    optimizer: keras.optimizers.Optimizer, choice: Choice | None = None, model: keras.Model | None = None
) -> keras.optimizers.Optimizer:
    """The optimizer with the fused updates of this backend, if it has some and they were not slower; the same object.

    Args:
        optimizer: the one that will train.
        choice, model: what was measured, and for what; None takes the fused updates.
    """
    from residual.backend import on_tensorflow_cpu

    if on_tensorflow_cpu():
        from residual.backend.tensorflow_cpu.optimizers import FUSED_CLASSES, has_fused

        answers = choice.answers if choice else {}
        slower = model is not None and answers.get(optimizer_question(optimizer, model)) == "keras"
        if has_fused(optimizer) and not slower:
            optimizer.__class__ = FUSED_CLASSES[type(optimizer)]
    return optimizer


def _faster_classes() -> dict[type, type]:
    """Stock layer class -> faster class, on this backend."""
    from residual.backend import on_tensorflow_cpu

    if not on_tensorflow_cpu():
        return {}
    from residual.backend.tensorflow_cpu.convolution import Convolution, Normalization

    return {keras.layers.Conv2D: Convolution, keras.layers.BatchNormalization: Normalization}


def _find_float32_layers(calls: Sequence[Call]) -> set[int]:
    """Ids of the layers that keep float32 in mixed precision: the pixels' normalization, and the head.

    The place decides, not the class: a dense layer inside a block, as in squeeze-and-excitation, is no head.

    Args:
        calls: from `_keras_graph.find_calls`.
    """
    return _find_pixel_layers(calls) | _find_head_layers(calls)


def _find_pixel_layers(calls: Sequence[Call]) -> set[int]:
    """The inputs, and the layers behind them that rescale or normalize the pixels."""
    found: set[int] = set()
    pixels: set[int] = set()  # tensors that only such layers have made
    for call in calls:
        normalizes = isinstance(call.layer, keras.layers.Rescaling | keras.layers.Normalization)
        if not call.inputs or (normalizes and all(id(tensor) in pixels for tensor in call.inputs)):
            found.add(id(call.layer))
            pixels.update(map(id, call.outputs))
    return found


def _find_head_layers(calls: Sequence[Call]) -> set[int]:
    """The layers from which on no tensor has sides any more: the last pooling and all that follows."""
    head: set[int] = set()
    body: set[int] = set()
    read_by_body: set[int] = set()  # tensors
    for call in reversed(calls):
        has_sides = any(len(tensor.shape) > 2 for tensor in call.outputs)
        if has_sides or any(id(tensor) in read_by_body for tensor in call.outputs):
            body.add(id(call.layer))
            read_by_body.update(map(id, call.inputs))
        else:
            head.add(id(call.layer))
    return head - body


def _mark_subtracted_biases(model: keras.Model, calls: Sequence[Call]) -> None:
    """Note on every convolution with a bias whether one trained batch norm is all that reads it."""
    readers = find_readers(calls)
    outputs = {id(find_call(tensor).layer) for tensor in model.outputs}
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D) and layer.use_bias and id(layer) not in outputs:
            read_by = readers.get(id(layer), [])
            layer.bias_is_subtracted = len(read_by) == 1 and (
                isinstance(read_by[0], keras.layers.BatchNormalization) and read_by[0].trainable
            )


def _forget_compiled(model: keras.Model) -> None:
    """Make the model trace its functions anew: those it has hold the layers of before."""
    model.train_function = model.test_function = model.predict_function = None
