"""A run, and what is measured of it once for several symptoms. Test images are never read."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from residual.data.images import Dataset, Images
from residual.evaluation.metrics import wilson_interval
from residual.evaluation.predict import predict_probabilities
from residual.runs.folder import RunFolder
from residual.training.recipe import Recipe

MOST = 2_000  # images of each split
KNOWING = 0.5  # accuracy below which a network's contradictions are guesses
BATCH = 128  # images that gradients are measured on


class Unmeasured(Exception):
    """A symptom cannot be measured; the text says why."""


@dataclass(frozen=True)
class Answers:
    """What the network says of labelled images, in inference.

    Attributes:
        images: n of them.
        rows: (n, classes) probabilities.
    """

    images: Images
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    @property
    def labels(self) -> np.ndarray:
        """int (n,), as given."""
        return self.images.y

    @property
    def predicted(self) -> np.ndarray:
        """int (n,)."""
        return self.rows.argmax(1)

    @property
    def right(self) -> np.ndarray:
        """bool (n,)."""
        return self.predicted == self.labels

    @property
    def counts(self) -> tuple[int, int]:
        """(correct, n)."""
        return int(self.right.sum()), len(self)

    @property
    def accuracy(self) -> float:
        """0 to 1."""
        return self.counts[0] / len(self)

    @property
    def interval(self) -> tuple[float, float]:
        """95% interval of the accuracy."""
        return wilson_interval(*self.counts)

    def find_contradicted(self) -> list[int]:
        """The images with another label than the network gives them, as surely as in half of its right answers.

        Returns:
            Their numbers, those first whose label it finds least probable beside its own.
        """
        if not self.right.any():
            return []
        sure = self.rows.max(1)
        median = float(np.median(sure[self.right]))
        wrong = np.flatnonzero(~self.right & (sure >= median))
        margin = sure[wrong] - self.rows[wrong, self.labels[wrong]]
        return [int(i) for i in wrong[np.argsort(-margin, kind="stable")]]

    @property
    def noise(self) -> float:
        """Share of the labels that may be wrong, 0 to 1.

        A network that errs on hard images is less sure there than in its right answers; one that has learned in spite
        of wrong labels is as sure. Half of its right answers are surer than their median, so that what it contradicts
        with more is counted twice. A network that is right on fewer than `KNOWING` of the images says nothing: 0.
        """
        if self.accuracy < KNOWING:
            return 0.0
        return min(1.0, 2 * len(self.find_contradicted()) / len(self))

    def name(self, i: int) -> str:
        """What a person finds image i by; its number if it has no name."""
        return f"image {i}" if self.images.names is None else self.images.names[i]


class Patient:
    """A run that is examined.

    Args:
        folder: of the run.
        load_model: loads its network.
        load_split: loads its data, with the run's own validation images.

    Attributes:
        record, recipe, report, rows: what its files say.
    """

    def __init__(self, folder: RunFolder, load_model: Callable[[], Any], load_split: Callable[[], Dataset]):
        self.folder, self._load_model, self._load_split = folder, load_model, load_split
        self.record, self.report, self.rows = folder.record, folder.report, folder.log_rows()
        self.recipe = Recipe.from_table(self.record.recipe)

    @property
    def path(self) -> Path:
        """The folder of the run."""
        return self.folder.path

    @cached_property
    def model(self) -> Any:
        """Its network.

        Raises:
            Unmeasured: if there is none, as of a training that failed at once.
        """
        if not self.folder.model.is_file():
            raise Unmeasured("The run has no model.keras.")
        return self._load_model()

    @cached_property
    def split(self) -> Dataset:
        """Its data, divided as in its training."""
        return self._load_split()

    @cached_property
    def training(self) -> Answers:
        """Its answers on training images, without augmentation; at most `MOST` of them."""
        return self._ask(self.split.train)

    @cached_property
    def validation(self) -> Answers:
        """Its answers on validation images, which it was not trained on; at most `MOST` of them."""
        if self.split.validation is None or not len(self.split.validation):
            raise Unmeasured("The run has no validation images.")
        return self._ask(self.split.validation)

    def _ask(self, images: Images) -> Answers:
        few = images.take(spread(len(images), MOST))
        return Answers(few, predict_probabilities(self.model, few.x))

    def column(self, name: str) -> list[float]:
        """A column of log.csv, without what is missing.

        Args:
            name: of the column.
        """
        return [row[name] for row in self.rows if np.isfinite(row.get(name, np.nan))]


def spread(count: int, most: int) -> np.ndarray:
    """The numbers of at most so many images, evenly spread over all.

    Args:
        count: of the images.
        most: that are wanted.
    """
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))
