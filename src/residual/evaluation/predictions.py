"""What a network says about images: a value for each image, and a list of them that shows itself."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from residual._console import preformat_html, render_text
from residual.trust.judge import SURE, Verdict
from residual.trust.thresholds import Threshold

_IN_MEMORY = re.compile(r"image \d+")
_MOST_SHOWN = 50  # rows in a notebook


@dataclass(frozen=True, repr=False)
class Prediction:
    """What a network says about one image.

    Attributes:
        image: the file, the name that stands for no image, or "image 0", "image 1", ... for one that lay in memory.
        label: the most probable class; "" if there is no image that can be read.
        probability: of that class, 0 to 1.
        probabilities: of every class, by name.
        error: why there is no label; "" if there is one.
        verdict: whether it can be believed; None if nothing is known about that: no run's facts were at hand.
    """

    image: str
    label: str
    probability: float
    probabilities: dict[str, float]
    error: str = ""
    verdict: Verdict | None = None

    def __repr__(self) -> str:
        answer = "skipped" if self.error else f"{self.label} {self.probability:.1%}"
        answer += f", {self.doubt}" if self.doubt else ""
        return f"Prediction({self.image!r}: {answer})"

    @property
    def folder_label(self) -> str | None:
        """The class that the folder of the image is named like; None if there is none."""
        if _IN_MEMORY.fullmatch(self.image):
            return None
        folder = Path(self.image).absolute().parent.name
        return folder if folder in self.probabilities else None

    @property
    def doubt(self) -> str:
        """ "unsure" or "unknown"; "" if the prediction is sure, or nothing is known about that."""
        return "" if self.verdict is None or self.verdict.word == SURE else self.verdict.word

    def rank_labels(self) -> list[tuple[str, float]]:
        """Labels and their probabilities, the most probable first."""
        return sorted(self.probabilities.items(), key=lambda pair: -pair[1])

    def to_dict(self) -> dict:
        """JSON-able: image and error for an image without a label, else all but the error."""
        if self.error:
            return {"image": self.image, "error": self.error}
        facts = {
            "image": self.image,
            "label": self.label,
            "probability": self.probability,
            "probabilities": self.probabilities,
        }
        return facts if self.verdict is None else {**facts, **self.verdict.to_dict()}


class PredictionList(list[Prediction]):
    """Predictions in the order of the images. `print` and a notebook show them as a table.

    Attributes:
        threshold: below which a prediction is unsure; None if nothing is known about that.
    """

    def __init__(self, predictions: Iterable[Prediction] = (), threshold: Threshold | None = None):
        super().__init__(predictions)
        self.threshold = threshold

    def __str__(self) -> str:
        from residual.evaluation.predictions_text import print_predictions

        return render_text(lambda console: print_predictions(self, console)) if self else "no predictions"

    def __repr__(self) -> str:
        some = ", ".join(map(repr, self[:3]))
        return f"PredictionList of {len(self)}: {some}{', ...' if len(self) > 3 else ''}"

    def _repr_html_(self) -> str:
        if not self:
            return preformat_html(str(self))
        from residual.evaluation.predictions_text import print_predictions

        return preformat_html(render_text(lambda console: print_predictions(self, console, most=_MOST_SHOWN)))
