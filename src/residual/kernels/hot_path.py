"""The hot path, put into a stock Keras model for its training and taken out again.

A layer of the model gets a faster class and a precision; its weights, its name and its place stay. Nothing of
it reaches a file: `stock` gives every layer its own class back while a model is saved.
"""

import contextlib
from dataclasses import dataclass

import keras

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
        self.layer.__dict__.pop("bias_is_subtracted", None)


@contextlib.contextmanager
def accelerated(model: keras.Model, precision: str = "float32"):
    """Run `model` on the fastest layers of this backend, the convolutional part in `precision`.

    Inside, `fit`, `evaluate` and `predict` use them; afterwards the model is stock again. Compile the model inside:
    a compiled function keeps the layers that it was made with.

    Args:
        model: a functional model of stock layers.
        precision: "float32", or "bfloat16": activations and products in bfloat16; weights, sums, batch statistics
            and the head in float32.
    """
    before = [_Before(layer, type(layer), layer.dtype_policy) for layer in model.layers]
    faster = _faster_classes()
    try:
        for layer in model.layers:
            layer.__class__ = faster.get(type(layer), type(layer))
            if precision != "float32" and not _belongs_to_ends(layer):
                layer.dtype_policy = keras.DTypePolicy(f"mixed_{precision}")
        if faster:
            _mark_subtracted_biases(model)
        yield model
    finally:
        for state in before:
            state.restore()
        _forget_compiled(model)


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


def fused(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """The optimizer with the fused updates of this backend, where it has some; the same object."""
    from residual.kernels import on_tensorflow_cpu

    if on_tensorflow_cpu():
        from residual.kernels.optimizers import FUSED

        if not getattr(optimizer, "amsgrad", False) and getattr(optimizer, "momentum", True):
            optimizer.__class__ = FUSED.get(type(optimizer), type(optimizer))
    return optimizer


def _faster_classes() -> dict[type, type]:
    """Stock layer class -> faster class, on this backend."""
    from residual.kernels import on_tensorflow_cpu

    if not on_tensorflow_cpu():
        return {}
    from residual.kernels.convolution import Convolution, Normalization

    return {keras.layers.Conv2D: Convolution, keras.layers.BatchNormalization: Normalization}


def _belongs_to_ends(layer) -> bool:
    """Whether a layer keeps float32 in mixed precision: the pixels' normalization, and the head."""
    return isinstance(
        layer,
        keras.layers.InputLayer
        | keras.layers.Rescaling
        | keras.layers.Normalization
        | keras.layers.GlobalAveragePooling2D
        | keras.layers.Dense,
    )


def _mark_subtracted_biases(model: keras.Model) -> None:
    """Tell every convolution with a bias whether all that reads it is one trained batch norm."""
    readers: dict[str, list] = {}
    for layer in model.layers:
        inputs = layer.input if not isinstance(layer, keras.layers.InputLayer) else []
        for tensor in inputs if isinstance(inputs, list) else [inputs]:
            readers.setdefault(tensor._keras_history.operation.name, []).append(layer)
    outputs = {tensor._keras_history.operation.name for tensor in model.outputs}
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D) and layer.use_bias and layer.name not in outputs:
            read_by = readers.get(layer.name, [])
            layer.bias_is_subtracted = len(read_by) == 1 and (
                isinstance(read_by[0], keras.layers.BatchNormalization) and read_by[0].trainable
            )


def _forget_compiled(model: keras.Model) -> None:
    """Make the model trace its functions anew: those it has hold the layers of before."""
    model.train_function = model.test_function = model.predict_function = None
