"""Which test images a report shows: those of each confusion, the most confident mistakes, the hardest of each class."""

from dataclasses import dataclass

import numpy as np

from residual.reporting.judged import Answers, JudgedRun
from residual.reporting.pictures import Pictures

MOST_MISTAKES = 24
MOST_MATRIX_CLASSES = 30
_MOST_IN_CELL = 12
_MOST_CLASSES, _HARDEST = 20, 4


@dataclass(frozen=True)
class Shown:
    """A test image on the page.

    Attributes:
        name: its file, or its number among the test images.
        true, predicted: names of classes.
        confidence: the probability of the predicted class.
        picture: data URI; None if the images cannot be had, or the page is full.
        overlay: the same with the heat map over it; None without one.
        own: the probability of the true class; None if it is not known.
    """

    name: str
    true: str
    predicted: str
    confidence: float
    picture: str | None
    overlay: str | None = None
    own: float | None = None

    @property
    def description(self) -> str:
        """What the picture shows, for those who cannot see it."""
        return f"{self.name}, a {self.true}, taken for {self.predicted}"


@dataclass(frozen=True)
class Cell:
    """A cell of the confusion matrix.

    Attributes:
        count: images.
        share: of the images of the true class.
        anchor: of the images that it opens; "" if it opens none.
        shown: the images.
    """

    true: str
    predicted: str
    right: bool
    count: int
    share: float
    anchor: str
    shown: tuple[Shown, ...]


def choose_mistakes(answers: Answers, most: int = MOST_MISTAKES) -> list[int]:
    """The images that the network was most sure about and wrong, the surest first."""
    wrong = np.flatnonzero(~answers.right)
    return wrong[np.argsort(-answers.confidence[wrong], kind="stable")][:most].tolist()


def show_images(run: JudgedRun, chosen: list[int], pictures: Pictures) -> list[Shown]:
    """Test images with their pictures.

    Args:
        run: one with answers.
        chosen: their numbers.
        pictures: makes them.
    """
    answers = run.answers
    assert answers is not None
    shown = []
    for i in chosen:
        overlay = run.overlays.get(i)
        picture = None if run.images is None else pictures.encode(np.asarray(run.images.x[i]))
        shown.append(
            Shown(
                answers.names[i],
                run.classes[answers.true[i]],
                run.classes[answers.predicted[i]],
                float(answers.confidence[i]),
                picture,
                pictures.encode(overlay) if overlay is not None and picture else None,
                None if run.probabilities is None else float(run.probabilities[i, answers.true[i]]),
            )
        )
    return shown


def list_cells(run: JudgedRun, pictures: Pictures) -> list[list[Cell]]:
    """The confusion matrix, a list for each true class.

    Args:
        run: one with answers.
        pictures: makes those of the images, mistakes first.
    """
    answers, k = run.answers, len(run.classes)
    assert answers is not None
    shown: dict[tuple[int, int], list[Shown]] = {}
    for true, predicted in sorted(np.ndindex(k, k), key=lambda pair: pair[0] == pair[1]):
        inside = np.flatnonzero((answers.true == true) & (answers.predicted == predicted))
        order = np.argsort(-answers.confidence[inside] * (1 if true != predicted else -1), kind="stable")
        chosen = inside[order][:_MOST_IN_CELL].tolist()
        shown[true, predicted] = show_images(run, chosen, pictures) if run.images is not None else []
    return [[_make_cell(run, row, column, shown[row, column]) for column in range(k)] for row in range(k)]


def _make_cell(run: JudgedRun, true: int, predicted: int, shown: list[Shown]) -> Cell:
    answers = run.answers
    assert answers is not None
    own = answers.true == true
    count = int((own & (answers.predicted == predicted)).sum())
    return Cell(
        run.classes[true],
        run.classes[predicted],
        true == predicted,
        count,
        count / max(1, int(own.sum())),
        f"cell-{true}-{predicted}" if shown else "",
        tuple(shown),
    )


def list_confusions(run: JudgedRun, most: int = 30) -> list[tuple[str, str, int]]:
    """(true, predicted, images) of the most frequent confusions: what is shown of many classes."""
    answers = run.answers
    assert answers is not None
    wrong = ~answers.right
    pairs, counts = np.unique(
        np.stack([answers.true[wrong], answers.predicted[wrong]]), axis=1, return_counts=True
    )
    order = np.argsort(-counts, kind="stable")[:most]
    return [(run.classes[pairs[0, i]], run.classes[pairs[1, i]], int(counts[i])) for i in order]


def list_hardest(run: JudgedRun, pictures: Pictures) -> list[tuple[str, list[Shown]]]:
    """The images of each class to which the network gave their own class least, at most of 20 classes.

    Of more classes, those with the lowest accuracy are taken.

    Args:
        run: one with answers; without images or probabilities there are none.
        pictures: makes those of the images.
    """
    answers = run.answers
    if answers is None or run.images is None or run.probabilities is None:
        return []
    own = run.probabilities[np.arange(len(answers)), answers.true]
    counts = np.bincount(answers.true, minlength=len(run.classes))
    right = np.bincount(answers.true[answers.right], minlength=len(run.classes))
    order = np.argsort(right / np.maximum(counts, 1), kind="stable")[:_MOST_CLASSES]
    taken = sorted(int(number) for number in order if counts[number])
    hardest = []
    for number in taken:
        inside = np.flatnonzero(answers.true == number)
        chosen = inside[np.argsort(own[inside], kind="stable")][:_HARDEST].tolist()
        hardest.append((run.classes[number], show_images(run, chosen, pictures)))
    return hardest
