"""Gradients on every backend: how large that of a batch is in the weights, and what it is in the input of a model."""

from typing import Any

import keras
import numpy as np


def gradient_norm(model: keras.Model, x: np.ndarray, y: np.ndarray) -> float:
    """Euclidean norm of the loss's gradient in all trainable weights; nan or inf if it is not finite.

    The batch-norm statistics move as in a step of training; the weights stay.

    Args:
        model: compiled.
        x: images (n, h, w, 3).
        y: one-hot labels (n, classes).
    """
    gradients = weight_gradients(model, x, y)
    return float(np.sqrt(sum(np.square(g, dtype=np.float64).sum() for g in gradients)))


def weight_gradients(model: keras.Model, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """The loss's gradient in each trainable weight, in their order.

    The batch-norm statistics move as in a step of training; the weights stay.

    Args:
        model: compiled.
        x: images (n, h, w, 3).
        y: one-hot labels (n, classes).
    """
    find = {"tensorflow": _tensorflow, "torch": _torch, "jax": _jax}[keras.backend.backend()]
    return [np.asarray(gradient) for gradient in find(model, x, y)]


def sum_squares(values: Any) -> Any:
    """The sum of the squares of a tensor, a float32 scalar. No copy of it is made: a gradient may have 100 MB.

    Args:
        values: a float tensor of the backend, of any shape.
    """
    values = keras.ops.cast(keras.ops.convert_to_tensor(values), "float32")
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return 2 * tf.nn.l2_loss(values)
    if keras.backend.backend() == "torch":
        import torch

        return torch.linalg.vector_norm(values) ** 2
    return keras.ops.sum(keras.ops.square(values))  # XLA does both in one pass


def _tensorflow(model, x, y) -> list:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = model.compute_loss(x=x, y=y, y_pred=model(x, training=True))
    return tape.gradient(loss, [variable.value for variable in model.trainable_variables])


def _torch(model, x, y) -> list:
    model.zero_grad()
    x, y = keras.ops.convert_to_tensor(x), keras.ops.convert_to_tensor(y)
    model.compute_loss(x=x, y=y, y_pred=model(x, training=True)).backward()
    found = [variable.value.grad.cpu().numpy() for variable in model.trainable_variables]
    model.zero_grad()
    return found


def _jax(model, x, y) -> list:
    import jax

    fixed = [variable.value for variable in model.non_trainable_variables]

    def loss(trainable):
        predicted, _ = model.stateless_call(trainable, fixed, x, training=True)
        return model.compute_loss(x=x, y=y, y_pred=predicted)

    return jax.grad(loss)([variable.value for variable in model.trainable_variables])


def input_gradients(model: keras.Model, x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The gradient of a weighted sum of a model's outputs in its input, in inference mode.

    Args:
        model: with one input and one output (n, d).
        x: (n, ...) what it takes, of at least one image; every image has a gradient of its own.
        weights: (n, d) of the outputs.

    Returns:
        float32, shaped like x.
    """
    find = {"tensorflow": _tensorflow_input, "torch": _torch_input, "jax": _jax_input}[
        keras.backend.backend()
    ]
    return np.asarray(find(model, np.asarray(x, np.float32), np.asarray(weights, np.float32)), np.float32)


def _tensorflow_input(model, x, weights):
    import tensorflow as tf

    given = tf.convert_to_tensor(x)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(given)
        total = tf.reduce_sum(tf.cast(model(given, training=False), tf.float32) * weights)
    return tape.gradient(total, given, unconnected_gradients="zero").numpy()


def _torch_input(model, x, weights):
    import torch

    given: Any = keras.ops.convert_to_tensor(x)
    given.requires_grad_(True)
    with torch.enable_grad():
        total = (model(given, training=False).float() * keras.ops.convert_to_tensor(weights)).sum()
        (found,) = torch.autograd.grad(total, given)
    return found.cpu().numpy()


def _jax_input(model, x, weights):
    import jax

    return jax.grad(lambda given: (model(given, training=False) * weights).sum())(jax.numpy.asarray(x))
