"""Whether an answer can be believed: as `residual predict` judges it, by what the validation images showed."""

import numpy as np

from residual.engines.engine import Engine
from residual.trust.facts import TrustFacts
from residual.trust.judge import Verdict, judge
from residual.trust.thresholds import DEFAULT


class Viewer:
    """Computes probabilities with an engine, and judges them.

    Args:
        engine: the network.
        facts: of the run that the engine belongs to; None for an exported file alone. Its card may still have a
            threshold, by which answers are unsure; unknown images are found by the facts alone.
    """

    def __init__(self, engine: Engine, facts: TrustFacts | None = None):
        if facts is not None and facts.weights_sha256 != engine.card.weights_sha256:
            facts = None  # of another training
        trust = engine.card.trust if facts is None else facts.summarize()
        self._engine = engine
        self._space = None if facts is None else facts.space
        self._threshold = None if trust is None else trust.find_threshold(DEFAULT)
        self._limit = None if facts is None else facts.limit

    def compute(self, images: np.ndarray) -> np.ndarray:
        """What the engine says of images, as one array, so that batches can be cut.

        Args:
            images: uint8 (n, height, width, 3).

        Returns:
            float32 (n, classes + 1): probabilities, and the distance to the training images; NaN if it is not measured.
        """
        if self._space is None:
            rows, more = self._engine.predict(images), []
        else:
            rows, *more = self._engine.predict_all(images)
        distances = np.full(len(rows), np.nan, np.float32)
        if self._space is not None and more:
            distances = self._space.find_distances(more[0])
        return np.column_stack([rows, distances])

    def judge(self, rows: np.ndarray) -> list[Verdict] | None:
        """A verdict for each image; None if nothing is known to judge by.

        Args:
            rows: (n, classes + 1), as `compute` gives them.
        """
        if self._threshold is None:
            return None
        distances = None if np.isnan(rows[:, -1]).any() else rows[:, -1]
        return judge(rows[:, :-1].max(1), self._threshold, distances, self._limit)
