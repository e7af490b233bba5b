"""How far an image is from the training images, as the network sees them.

A network gives every image one of its classes, a photo of a shoe too, and often with a high probability. What the last
layer reads, the features, gives such images away: they lie outside the clouds that the training images of each class
form. The distance is Mahalanobis's (Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples
and Adversarial Attacks", 2018): in units of the spread of the training images around the mean of their class, and of
the nearest class. docs/trust.md compares it with the distance to the nearest training images and with probabilities.
"""

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

FALSE_ALARMS = 0.01  # share of images of the known kind that may be called unknown
MOST_DIRECTIONS = 256  # in which the spread is known; all others share one
_SHRINKAGE = 0.1  # share of the spread that is taken as equal in all directions
_LEAST = 1e-12  # a spread that is nothing: features that are equal for all images


@dataclass(frozen=True, eq=False)
class FeatureSpace:
    """The clouds of the training images' features.

    Attributes:
        means: float32 (k, d), of each class that has images.
        directions: float32 (d, r), of the largest spread, orthonormal.
        variances: float32 (r,), in these directions.
        rest: variance in every other direction.
    """

    means: np.ndarray
    directions: np.ndarray
    variances: np.ndarray
    rest: float

    def find_distances(self, features: np.ndarray) -> np.ndarray:
        """The distance of each image to the nearest class.

        Args:
            features: (n, d).

        Returns:
            float32 (n,), from 0. 1 would be typical if there were one feature, the root of d if there are d.
        """
        x = np.asarray(features, np.float64)
        scale = 1 / np.sqrt(self.variances.astype(np.float64))
        inside = (x @ self.directions) * scale
        nearest = np.full(len(x), np.inf)
        for mean in self.means.astype(np.float64):
            known = x - mean
            whitened = inside - (mean @ self.directions) * scale
            outside = np.square(known).sum(1) - np.square(whitened / scale).sum(1)
            nearest = np.minimum(nearest, np.square(whitened).sum(1) + outside.clip(0) / self.rest)
        return np.sqrt(nearest).astype(np.float32)


def fit_feature_space(features: np.ndarray, labels: np.ndarray) -> FeatureSpace:
    """The clouds that training images form.

    Args:
        features: (n, d).
        labels: (n,) the numbers of their classes.
    """
    x = np.asarray(features, np.float64)
    kinds = np.unique(labels)
    means = np.stack([x[labels == kind].mean(0) for kind in kinds])
    spread = x - means[np.searchsorted(kinds, labels)]
    covariance = spread.T @ spread / len(x)
    average = max(float(np.trace(covariance)) / x.shape[1], _LEAST)
    variances, directions = np.linalg.eigh(covariance)  # the largest last
    variances = (1 - _SHRINKAGE) * variances.clip(0) + _SHRINKAGE * average
    r = min(MOST_DIRECTIONS, x.shape[1])
    rest = variances[:-r]
    return FeatureSpace(
        means=means.astype(np.float32),
        directions=directions[:, -r:].astype(np.float32),
        variances=variances[-r:].astype(np.float32),
        rest=float(rest.mean()) if len(rest) else float(variances[0]),
    )


class DistanceLimit(msgspec.Struct, frozen=True, kw_only=True):
    """The distance beyond which an image is unlike the training images.

    Attributes:
        distance: the limit.
        false_alarms: the share of images of the known kind that lie beyond it, as expected.
        n: validation images that it was chosen by.
    """

    distance: float
    false_alarms: float
    n: int

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return msgspec.to_builtins(self)


def choose_limit(distances: np.ndarray, false_alarms: float = FALSE_ALARMS) -> DistanceLimit:
    """The limit that validation images set.

    Of n images and one more of the same kind, each is equally likely to be the farthest: beyond the k-th largest of n
    distances lies a share of k / (n + 1) in the mean. If n is too small for the wanted share, it is the largest.

    Args:
        distances: (n,) of validation images.
        false_alarms: the share that is wanted.
    """
    ordered = np.sort(np.asarray(distances, np.float64))[::-1]
    k = max(1, int(false_alarms * (len(ordered) + 1)))
    return DistanceLimit(distance=float(ordered[k - 1]), false_alarms=k / (len(ordered) + 1), n=len(ordered))
