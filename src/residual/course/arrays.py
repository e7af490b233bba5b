"""`.numpy()` for the arrays of JAX and torch, as the tensors of TensorFlow 2 have it: notebooks print with it."""

import functools

import keras
import numpy as np


def add_numpy_method() -> None:
    """Give the backend's arrays a method `numpy` that always works.

    On TensorFlow there is nothing to do. On torch the method leaves the gradient behind, which torch's own refuses.
    """
    backend = keras.backend.backend()
    if backend == "jax":
        type(keras.ops.zeros(1)).numpy = _copy_to_numpy
    elif backend == "torch":
        import torch

        if not hasattr(torch.Tensor.numpy, "__wrapped__"):
            torch.Tensor.numpy = _detach(torch.Tensor.numpy)


def _copy_to_numpy(self) -> np.ndarray:
    return np.asarray(self)


def _detach(original):
    @functools.wraps(original)
    def numpy(self, *args, **options):
        return original(self.detach().cpu(), *args, **options)

    return numpy
