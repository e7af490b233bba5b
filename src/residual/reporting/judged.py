"""What a report is made from: the run's files and, if they can be had, its test images, probabilities and maps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from residual.data.images import Images
from residual.evaluation.test_predictions import SavedPredictions
from residual.runs.record import RunRecord
from residual.trust.facts import TrustFacts


@dataclass(frozen=True, eq=False)
class Answers:
    """What the network said about each test image.

    Attributes:
        true, predicted: int (n,), numbers of classes.
        confidence: float (n,), the probability of the predicted class.
        names: of the images; their numbers if they have none.
    """

    true: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray
    names: list[str]

    def __len__(self) -> int:
        return len(self.true)

    @property
    def right(self) -> np.ndarray:
        """bool (n,): which images were given their own class."""
        return self.true == self.predicted


@dataclass(frozen=True, eq=False)
class JudgedRun:
    """A run and all that its report shows.

    Attributes:
        path: its folder.
        state: as `RunFolder.state`.
        record, report: run.toml and report.json.
        rows: of log.csv.
        facts: of trust.npz; None if there are none.
        answers: on the test images; None if the run has not been judged on them.
        images: the test images; None without answers, or if they cannot be had.
        probabilities: float (n, k) of the test images; None if they cannot be had.
        overlays: heat maps over test images, uint8 (height, width, 3), by the image's number.
        notes: what the page lacks and why, a sentence for each.
        command: what repeats the training.
    """

    path: Path
    state: str
    record: RunRecord
    report: Mapping[str, Any]
    rows: list[dict]
    command: str
    facts: TrustFacts | None = None
    answers: Answers | None = None
    images: Images | None = None
    probabilities: np.ndarray | None = None
    overlays: Mapping[int, np.ndarray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return self.record.data.classes


def match_answers(
    saved: SavedPredictions, classes: tuple[str, ...], test: Mapping[str, Any]
) -> Answers | None:
    """The answers of test_predictions.csv; None if they are not those that report.json counts.

    Args:
        saved: the file.
        classes: names of the outputs.
        test: the scores in report.json.
    """
    index = {name: number for number, name in enumerate(classes)}
    if len(saved) != test["n"] or not {*saved.true, *saved.predicted} <= set(index):
        return None
    true = np.array([index[name] for name in saved.true])
    predicted = np.array([index[name] for name in saved.predicted])
    counted = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(counted, (true, predicted), 1)
    if "confusion" in test and counted.tolist() != test["confusion"]:
        return None
    return Answers(true, predicted, np.array(saved.confidence), saved.images)
