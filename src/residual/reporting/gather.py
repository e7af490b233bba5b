"""What a report shows, from the files of a run, its data and its network.

Test images are read only if the run has been judged on them already.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from residual.data.images import Dataset, Images
from residual.errors import DataError, ResidualError
from residual.evaluation.classifier import Classifier
from residual.evaluation.predict import predict_probabilities
from residual.evaluation.test_predictions import load_predictions
from residual.reporting.answers import choose_mistakes
from residual.reporting.judged import Answers, JudgedRun, match_answers
from residual.runs.folder import RunFolder
from residual.trust.facts import TrustFacts

if TYPE_CHECKING:
    import keras


class ReportedRun(Protocol):
    """What a report asks of a run."""

    folder: RunFolder

    @property
    def report(self) -> Mapping[str, Any]:
        """The results so far."""
        ...

    @property
    def model(self) -> "keras.Model":
        """The network; ResidualError if it cannot be had."""
        ...

    def load_trust(self) -> TrustFacts | None:
        """The facts by which its answers are judged."""
        ...

    def data(self) -> Dataset:
        """Its data; DataError if it cannot be had."""
        ...


def gather(run: ReportedRun, command: str, rows: np.ndarray | None = None) -> JudgedRun:
    """Gather what the report of a run shows.

    Args:
        run: the run.
        command: what repeats the training.
        rows: (n, k) probabilities of the test images, if they have just been computed; None computes them.

    Raises:
        RunError: if a file of the run is damaged.
    """
    folder = run.folder
    found = JudgedRun(
        folder.path,
        folder.state,
        folder.record,
        run.report,
        folder.log_rows(),
        command,
        facts=run.load_trust(),
    )
    if "test" not in found.report:
        return found
    saved = load_predictions(folder.path)
    answers = match_answers(saved, found.classes, found.report["test"]) if saved else None
    if answers is None:
        wrong = "is missing" if saved is None else "is not that of report.json"
        return _add_note(
            found,
            f"test_predictions.csv {wrong}, so no image is shown. Write it with residual evaluate {folder.path.name}.",
        )
    try:
        images = run.data().test
    except (DataError, OSError) as error:
        return _add_note(replace(found, answers=answers), f"No image is shown. {error}")
    found = replace(found, answers=_name_answers(answers, images), images=images, probabilities=rows)
    return _add_network(run, found, images)


def _add_note(found: JudgedRun, note: str) -> JudgedRun:
    return replace(found, notes=(*found.notes, note))


def _name_answers(answers: Answers, images: Images) -> Answers:
    """The answers with the names that the data has, which files of earlier versions lack."""
    if images.names is None:
        return answers
    return replace(answers, names=[images.names[i] for i in range(len(images))])


def _add_network(run: ReportedRun, found: JudgedRun, images: Images) -> JudgedRun:
    """Add what the network itself says: probabilities and heat maps; a note if it cannot."""
    try:
        model = run.model
        if found.probabilities is None:
            found = replace(found, probabilities=predict_probabilities(model, images.x))
        return replace(found, overlays=_draw_overlays(model, found, images))
    except ResidualError as error:
        return _add_note(found, f"There are no heat maps. {error}")


def _draw_overlays(model: "keras.Model", found: JudgedRun, images: Images) -> dict[int, np.ndarray]:
    """Heat maps over the surest mistakes, by the image's number."""
    from residual.inspection.explaining import draw_overlays

    answers = found.answers
    chosen = choose_mistakes(answers) if answers is not None else []
    if not chosen or answers is None:
        return {}
    pixels = np.stack([np.asarray(images.x[i]) for i in chosen])
    drawn = draw_overlays(Classifier(model, found.classes), pixels, answers.predicted[chosen])
    return dict(zip(chosen, drawn, strict=True))
