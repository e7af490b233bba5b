"""How large the gradient of a batch is, on every backend."""

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
    gradients = {"tensorflow": _tensorflow, "torch": _torch, "jax": _jax}[keras.backend.backend()](
        model, x, y
    )
    return float(np.sqrt(sum(np.square(np.asarray(g), dtype=np.float64).sum() for g in gradients)))


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
