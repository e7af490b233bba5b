"""The temperature that turns a network's probabilities into frequencies.

A network that is right in 90 of 100 images to which it gives 0.8 is too modest; one that is right in 70 is too sure.
Dividing its logits by one number, the temperature, mends both and leaves every label as it is (Guo et al., "On
Calibration of Modern Neural Networks", 2017).
"""

import numpy as np

LEAST, MOST = 0.25, 4.0  # temperatures; beyond them a network has other faults than its confidence
# Standard deviation of the logarithm that is expected before any image is seen. 24 validation images that are all
# right would ask for a temperature of 0: docs/trust.md compares this with other widths and with none.
WIDTH = 0.5
_SMALLEST = 1e-30  # a probability that float32 rounded to 0
# A float32 softmax can round a probability down to exactly 0, and one such image would make the mean infinite. 1e-7 is
# Keras's own epsilon, so the figure stays comparable with the loss seen while training; a certain mistake then costs
# 16.1, -log(1e-7).
LEAST_PROBABILITY = 1e-7


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The temperature that makes the labels most plausible, drawn towards 1 if there are few of them.

    Args:
        probabilities: (n, k) of images that the network was not trained on.
        labels: (n,) the numbers of their classes.

    Returns:
        Below 1 if the network is too modest, above 1 if it is too sure; `LEAST` to `MOST`, four decimals.
    """
    from scipy.optimize import minimize_scalar

    logits = find_logits(probabilities)

    def cost(log_temperature: float) -> float:
        prior = 0.5 * (log_temperature / WIDTH) ** 2
        return prior - _sum_likelihood(logits / np.exp(log_temperature), labels)

    found = minimize_scalar(cost, bounds=(np.log(LEAST), np.log(MOST)), method="bounded")
    return round(float(np.exp(found.x)), 4)  # type: ignore[attr-defined]


def apply_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """The probabilities that a network would give if its logits were divided by a temperature.

    Args:
        probabilities: (n, k).
        temperature: above 0; 1 / t undoes t.

    Returns:
        float32 (n, k).
    """
    return np.exp(_normalize(find_logits(probabilities) / temperature)).astype(np.float32)


def find_nll(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean negative log-likelihood of the true class in nats; its probability is taken as `LEAST_PROBABILITY` at least.

    Args:
        probabilities: (n, k).
        labels: (n,) the numbers of the true classes.
    """
    given = np.asarray(probabilities)[np.arange(len(labels)), labels].astype(np.float64)
    # Bounded above too: a row may sum to a little over 1, and a log-likelihood above 0 would read as a gift.
    # The sum with 0.0 turns -0.0, the log of a certain hit, into 0.0.
    return float(-np.log(given.clip(LEAST_PROBABILITY, 1.0)).mean() + 0.0)


def find_logits(probabilities: np.ndarray) -> np.ndarray:
    """float64 (n, k) whose softmax the probabilities are; a constant for each image is lost and does not matter."""
    return np.log(np.asarray(probabilities, np.float64).clip(_SMALLEST))


def _normalize(logits: np.ndarray) -> np.ndarray:
    """Logarithms of the softmax."""
    shifted = logits - logits.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def _sum_likelihood(logits: np.ndarray, labels: np.ndarray) -> float:
    return float(_normalize(logits)[np.arange(len(labels)), labels].sum())
