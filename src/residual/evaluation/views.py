"""Several views of each test image, mirrored or moved by a pixel, whose probabilities are averaged.

More views give more right labels and take as many times as long. So they are scored beside the network alone, never in
its place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from residual.errors import DataError


@dataclass(frozen=True)
class View:
    """A view of an image.

    Attributes:
        mirrored: whether left and right are exchanged.
        moved: pixels to the right and down; what comes in repeats the border. Negative: to the left and up.
    """

    mirrored: bool = False
    moved: int = 0

    def show(self, x: np.ndarray) -> np.ndarray:
        """The view of each image of x, (n, height, width, 3), of the same shape and type."""
        if self.mirrored:
            x = x[:, :, ::-1]
        if not self.moved:
            return x
        reach, height, width = abs(self.moved), *x.shape[1:3]
        wide = np.pad(x, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="edge")
        start = reach - self.moved
        return wide[:, start : start + height, start : start + width]


# A set of views is a row here. The first view of each is the image itself; "shift" moves by a pixel along the diagonal.
VIEWS: dict[str, tuple[View, ...]] = {
    "mirror": (View(), View(mirrored=True)),
    "shift": tuple(View(mirrored, moved) for moved in (0, -1, 1) for mirrored in (False, True)),
}


@dataclass(frozen=True)
class ViewScores:
    """What the mean of several views reaches on the same images.

    Attributes:
        views: a key of `VIEWS`.
        count: views of an image.
        n, correct: images, and those whose most probable class is the true one.
        interval: Wilson's 95% interval of the accuracy, (low, high) in 0..1.
        nll: mean negative log-likelihood of the true class in nats.
    """

    views: str
    count: int
    n: int
    correct: int
    interval: tuple[float, float]
    nll: float

    @property
    def accuracy(self) -> float:
        """correct / n, in 0..1."""
        return self.correct / self.n

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "views": self.views,
            "count": self.count,
            "n": self.n,
            "correct": self.correct,
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "nll": self.nll,
        }


def check_views(views: str | None) -> None:
    """DataError if there is no such set of views; None is fine."""
    if views is not None and views not in VIEWS:
        raise DataError(f"views must be one of {', '.join(VIEWS)}; got {views!r}.")


def score_views(views: str, rows: Sequence[np.ndarray], labels: np.ndarray) -> ViewScores:
    """The scores of the mean probability over the views of each image.

    Args:
        views: a key of `VIEWS`.
        rows: (n, k) the probabilities of the images in each view, in the order of `VIEWS`.
        labels: (n,) the numbers of the true classes.
    """
    from residual.evaluation.metrics import wilson_interval
    from residual.trust.temperature import find_nll

    mean = np.mean(rows, axis=0, dtype=np.float64)
    correct = int((mean.argmax(1) == labels).sum())
    interval = wilson_interval(correct, len(labels))
    return ViewScores(views, len(rows), len(labels), correct, interval, find_nll(mean, labels))
