"""A head fitted on features: softmax regression, its strength of decay chosen on images that it is not fitted on.

The features are standardized, so that one list of strengths fits every network, and the scales go into the weights: the
head reads the features as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# Of the L2 penalty on standardized features, per image.
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
MIN_IMAGES = 200  # with fewer validation images, five parts of the training images choose the strength
FOLDS = 5
_ITERATIONS = 200
_SMALL = 2**24  # values of the features up to which they are computed with in float64


@dataclass(frozen=True, eq=False)
class FittedHead:
    """A head and how it was chosen.

    Attributes:
        kernel: float32 (d, classes).
        bias: float32 (classes,).
        strength: of the L2 penalty.
        losses: strength -> negative log-likelihood per image on the images that it was chosen on, as far as they were
            tried.
        chosen_on: in words, such as "5 parts of the 196 training images".
    """

    kernel: np.ndarray
    bias: np.ndarray
    strength: float
    losses: dict[float, float]
    chosen_on: str

    def predict(self, features: np.ndarray) -> np.ndarray:
        """float32 (n, classes) probabilities of features (n, d)."""
        return find_softmax(features @ self.kernel + self.bias).astype(np.float32)

    def to_table(self) -> dict[str, Any]:
        """For report.json."""
        losses = {f"{strength:g}": round(loss, 5) for strength, loss in self.losses.items()}
        return {"strength": self.strength, "chosen_on": self.chosen_on, "losses": losses}


def fit_head(
    features: np.ndarray,
    labels: np.ndarray,
    classes: int,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
    *,
    strengths: Sequence[float] = STRENGTHS,
    seed: int = 0,
) -> FittedHead:
    """The softmax regression of labels on features, with the strength of decay that predicts other images best.

    Args:
        features: float32 (n, d).
        labels: (n,), from 0 to classes - 1.
        classes: outputs of the head.
        validation: features and labels of other images; if they are fewer than `MIN_IMAGES`, five parts of the
            training images choose the strength.
        strengths: to choose from.
        seed: of the parts.
    """
    scale = _Scale(features)
    turn = _find_span(scale.apply(features))
    x = scale.apply(features) if turn is None else scale.apply(features) @ turn
    if validation is not None and len(validation[1]) >= MIN_IMAGES:
        other = scale.apply(validation[0])
        others = [(x, labels, other if turn is None else other @ turn, validation[1])]
        chosen_on = f"{len(validation[1]):,} validation images"
    else:
        others = list(_make_folds(x, labels, seed))
        chosen_on = f"{len(others)} parts of the {len(labels):,} training images"
    penalties = {strength: strength / features.shape[1] for strength in strengths}
    losses = _find_losses(others, classes, penalties)
    best = min(losses, key=lambda strength: losses[strength]) if losses else 1.0
    weights = _fit(x, labels, classes, best / features.shape[1])
    kernel, bias = scale.take_into(weights[:-1] if turn is None else turn @ weights[:-1], weights[-1])
    return FittedHead(kernel.astype(np.float32), bias.astype(np.float32), best, losses, chosen_on)


class _Scale:
    """Mean and deviation of each feature, by which it is standardized."""

    def __init__(self, features: np.ndarray):
        self.mean = features.mean(0, dtype=np.float64).astype(np.float32)
        deviation = features.std(0, dtype=np.float64)
        # A feature that is all but constant would be blown up: it keeps a tenth of the usual deviation at least.
        least = 0.1 * float(np.median(deviation)) or 1.0
        self.deviation = np.maximum(deviation, least).astype(np.float32)

    def apply(self, features: np.ndarray) -> np.ndarray:
        return (features - self.mean) / self.deviation

    def take_into(self, kernel: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The kernel and bias that do the same with features as they are."""
        own = kernel / self.deviation[:, None]
        return own, bias - self.mean @ own


def _make_folds(x: np.ndarray, labels: np.ndarray, seed: int):
    """(x, y, other x, other y) for each part of the images; every class is spread over all parts."""
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    count = min(FOLDS, len(labels))
    for part in range(count if count > 1 else 0):
        aside = np.zeros(len(labels), bool)
        aside[order[part::count]] = True
        yield x[~aside], labels[~aside], x[aside], labels[aside]


def _find_span(x: np.ndarray) -> np.ndarray | None:
    """float (d, n) whose columns span the n images, if they are fewer than their d features; None otherwise.

    The weights that minimize a loss with an L2 penalty lie in the span of the images: as many coordinates suffice.
    """
    return np.linalg.qr(x.T)[0] if len(x) < x.shape[1] else None


def _find_losses(
    others: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]],
    classes: int,
    penalties: dict[float, float],
) -> dict[float, float]:
    """Strength -> mean negative log-likelihood on the images set aside, from the strongest down.

    Each fit starts at the one before it. Once two strengths in a row are worse than the best one, the weaker ones are
    left out: they overfit more, and their fits take the most steps.
    """
    losses: dict[float, float] = {}
    weights: list[np.ndarray | None] = [None] * len(others)
    for strength in sorted(penalties, reverse=True) if others else ():
        total = 0.0
        for part, (x, labels, other_x, other_y) in enumerate(others):
            weights[part] = fitted = _fit(x, labels, classes, penalties[strength], weights[part])
            scores = find_softmax(other_x @ fitted[:-1] + fitted[-1])
            chosen = scores[np.arange(len(other_y)), other_y]
            total -= float(np.log(np.maximum(chosen, 1e-12)).sum())
        losses[strength] = total / sum(len(y) for *_, y in others)
        if len(losses) > 2 and min(list(losses.values())[-2:]) > min(losses.values()):
            break
    return losses


def _fit(
    x: np.ndarray, labels: np.ndarray, classes: int, penalty: float, start: np.ndarray | None = None
) -> np.ndarray:
    """Weights (d + 1, classes), the last row the bias, of mean log loss + penalty / 2 |kernel|^2."""
    from scipy.optimize import minimize

    n, d = x.shape
    x = x.astype(np.float64 if x.size <= _SMALL else np.float32)
    target = np.zeros((n, classes), x.dtype)
    target[np.arange(n), labels] = 1

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(d + 1, classes).astype(x.dtype)
        logits = x @ weights[:-1] + weights[-1]
        shifted = logits - logits.max(1, keepdims=True)
        powers = np.exp(shifted)
        total = powers.sum(1, keepdims=True)
        error = (powers / total - target) / n
        value = float((np.log(total) - (shifted * target).sum(1, keepdims=True)).mean(dtype=np.float64))
        value += 0.5 * penalty * float((weights[:-1].astype(np.float64) ** 2).sum())
        slope = np.vstack([x.T @ error + penalty * weights[:-1], error.sum(0, keepdims=True)])
        return value, slope.ravel().astype(np.float64)

    begin = np.zeros((d + 1) * classes) if start is None else start.ravel()
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS, "ftol": 1e-9})
    return found.x.reshape(d + 1, classes)


def find_softmax(logits: np.ndarray) -> np.ndarray:
    """(n, k) probabilities of logits (n, k)."""
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return shifted / shifted.sum(1, keepdims=True)
