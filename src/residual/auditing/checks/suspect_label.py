"""Labels that are likely wrong: those that a classifier which never saw the image is sure to be another.

The features are the answers of 128 random patches of the data itself to every patch of an image, pooled over a
3x3 grid (Coates and Ng, "The importance of encoding versus training with sparse coding and vector
quantization", 2011); the classifier is a ridge regression on them. Its leave-one-out answers, which a network
would need one training per image for, come in closed form from one solution.
"""

import itertools
from collections.abc import Iterator

import numpy as np

from residual.auditing.finding import NOTE, Case, Found
from residual.auditing.scan import Facts
from residual.auditing.similar import shrink_images
from residual.data.source import Source

KIND = "suspect-label"
SEVERITY = NOTE
DESCRIPTION = (
    "A classifier that never saw the image is sure of another label. Look at each, and mend the wrong ones."
)

_MOST = 50_000  # images, 4.6 kB of features each
_PATCH, _FILTERS, _GRID = 6, 128, 3
_THRESHOLD = 0.25
_RIDGE = 3000.0
_SURE = 1.0  # by how much another class must be ahead, on a scale where right is 1 and wrong is -1
_PIECE = 32


def find(facts: Facts, source: Source) -> Iterator[Found]:
    """The images whose labels are likely wrong, the likeliest first.

    Of more than 50,000 images as many are looked at, drawn at random.

    Args:
        facts: of the scan.
        source: the images.
    """
    chosen = np.flatnonzero(facts.readable & ~facts.constant)
    if len(chosen) > _MOST:
        chosen = np.sort(np.random.default_rng(0).choice(chosen, _MOST, replace=False))
    kept, pictures = [], []
    for i, picture in shrink_images(source, chosen):
        kept.append(i)
        pictures.append(picture)
    labels = source.labels[kept]
    if len(np.unique(labels)) < 2:
        return
    answers = leave_one_out(features(np.stack(pictures)), labels, len(source.classes))
    given = answers[np.arange(len(labels)), labels]
    right = float((answers.argmax(1) == labels).mean())
    answers[np.arange(len(labels)), labels] = -np.inf
    ahead = answers.max(1) - given
    order = [int(k) for k in np.argsort(-ahead, kind="stable") if ahead[k] > _SURE]
    if order:
        cases = tuple(Case((kept[k],), f"looks like {source.classes[answers[k].argmax()]}") for k in order)
        says = (
            f"{len(cases):,} {'label' if len(cases) == 1 else 'labels'} likely wrong "
            f"(by a simple classifier that agrees with {right:.0%} of all labels)"
        )
        yield Found(says, len(cases), cases)


def features(pictures: np.ndarray) -> np.ndarray:
    """float16 (n, 2304), mean 0 and variance 1 each.

    Args:
        pictures: uint8 (n, 32, 32, 3).
    """
    filters, offsets = _filters(pictures)
    found = np.empty((len(pictures), _GRID * _GRID * 2 * _FILTERS), np.float16)
    for start in range(0, len(pictures), _PIECE):
        patches = _patches(pictures[start : start + _PIECE])
        n, rows, columns, values = patches.shape
        answers = (_normal(patches.reshape(-1, values)) @ filters - offsets).reshape(n, rows, columns, -1)
        edges = np.linspace(0, rows, _GRID + 1).round().astype(int)
        pooled = [
            np.maximum(sign * answers[:, top:bottom, left:right] - _THRESHOLD, 0).mean((1, 2))
            for sign in (1, -1)
            for top, bottom in itertools.pairwise(edges)
            for left, right in itertools.pairwise(edges)
        ]
        found[start : start + n] = np.concatenate(pooled, axis=1)
    mean, deviation = found.mean(0, dtype=np.float32), found.std(0, dtype=np.float32)
    for start in range(0, len(found), _PIECE):
        found[start : start + _PIECE] = (found[start : start + _PIECE] - mean) / (deviation + 1e-3)
    return found


def _patches(pictures: np.ndarray) -> np.ndarray:
    """float32 (n, 27, 27, 108): every patch of 6x6 pixels."""
    windows = np.lib.stride_tricks.sliding_window_view(pictures, (_PATCH, _PATCH), axis=(1, 2))
    return np.ascontiguousarray(windows, np.float32).reshape(*windows.shape[:3], -1)


def _normal(patches: np.ndarray) -> np.ndarray:
    patches = patches - patches.mean(-1, keepdims=True)
    return patches / np.sqrt(patches.var(-1, keepdims=True) + 10)


def _filters(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(108, 128) and (128,): random patches of the data, whitened, as what a patch is multiplied with."""
    rng = np.random.default_rng(0)
    some = rng.choice(len(pictures), min(len(pictures), 1000), replace=False)
    patches = _patches(pictures[some]).reshape(len(some), -1, _PATCH * _PATCH * 3)
    drawn = _normal(patches[:, rng.choice(patches.shape[1], 10, replace=False)].reshape(-1, patches.shape[2]))
    mean = drawn.mean(0)
    values, vectors = np.linalg.eigh(np.cov((drawn - mean).T))
    whiten = (vectors / np.sqrt(np.maximum(values, 0) + 0.1)) @ vectors.T
    white = (drawn[rng.choice(len(drawn), _FILTERS, replace=len(drawn) < _FILTERS)] - mean) @ whiten
    white /= np.maximum(np.linalg.norm(white, axis=1, keepdims=True), 1e-6)
    filters = (whiten @ white.T).astype(np.float32)
    return filters, (mean @ filters).astype(np.float32)


def leave_one_out(features: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """float32 (n, classes): what ridge regression answers for each image, trained on all the others.

    Args:
        features: (n, d).
        labels: int (n,).
        classes: number of classes; the target is 1 for the own and -1 for every other.
    """
    n, d = features.shape
    targets = np.where(np.arange(classes) == labels[:, None], 1.0, -1.0).astype(np.float32)
    pieces = [slice(start, start + 1024) for start in range(0, n, 1024)]
    with_bias = [
        np.pad(features[piece].astype(np.float32), ((0, 0), (0, 1)), constant_values=30) for piece in pieces
    ]
    gram = _RIDGE * np.eye(d + 1, dtype=np.float32) + sum(rows.T @ rows for rows in with_bias)
    inverse = np.linalg.inv(gram)
    weights = inverse @ sum(rows.T @ targets[piece] for rows, piece in zip(with_bias, pieces, strict=True))
    answers = np.empty((n, classes), np.float32)
    for rows, piece in zip(with_bias, pieces, strict=True):
        own = np.einsum(
            "ij,ij->i", rows @ inverse, rows
        )  # how much an image's own label weighs in its answer
        answers[piece] = targets[piece] - (targets[piece] - rows @ weights) / (1 - own)[:, None]
    return answers
