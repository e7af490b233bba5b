"""Steps of Muon in NumPy and float64, written apart from the package."""

import numpy as np


def turn(matrix: np.ndarray) -> np.ndarray:
    """Jordan's polynomial three times over the singular values of a matrix, once its Frobenius norm is 1."""
    left, values, right = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    values = values / np.linalg.norm(values)
    for _ in range(3):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    return (left * values) @ right


def step_in_numpy(kernel: np.ndarray, gradients: np.ndarray, rate: float, momentum: float) -> np.ndarray:
    """A kernel (height, width, before, channels) after a step for each gradient."""
    channels = kernel.shape[-1]
    kernel, moment = kernel.astype(np.float64), np.zeros(kernel.shape)
    norm = np.linalg.norm(kernel)
    for gradient in gradients:
        moment = momentum * moment + gradient
        ahead = gradient + momentum * moment
        scaled = kernel / norm * channels**0.5
        scaled = scaled - rate * turn(ahead.reshape(-1, channels)).reshape(kernel.shape)
        kernel = scaled / np.linalg.norm(scaled) * norm
    return kernel
