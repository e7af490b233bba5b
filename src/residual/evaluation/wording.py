"""The words of a report: the headline, leaks, values in a cell."""

from typing import TYPE_CHECKING, Any

from residual._text import format_percent

if TYPE_CHECKING:
    from residual.evaluation.metrics import Scores
    from residual.evaluation.views import ViewScores


def headline(scores: "Scores | ViewScores") -> str:
    """One line that stands alone: 'accuracy 97.5% (117 of 120; 95% interval 92.9-99.1%)'."""
    low, high = (format_percent(end, scores.n).rstrip("%") for end in scores.interval)
    accuracy = format_percent(scores.accuracy, scores.n)
    return f"accuracy {accuracy} ({scores.correct} of {scores.n}; 95% interval {low}-{high}%)"


def leaks(scores: "Scores") -> str:
    """What the headline owes to test images that the model was trained on; "" if there are none."""
    if not scores.leaked:
        return ""
    also = "is also a training image" if scores.leaked == 1 else "are also training images"
    text = f"{scores.leaked} of the {scores.n} test images {also}"
    return f"{text}; without, {headline(scores.without_leaked)}" if scores.without_leaked else text


def describe_views(found: "ViewScores") -> str:
    """What the mean of several views reaches, and what it takes."""
    return f"with {found.count} views an image ({found.count} times as long): {headline(found)}"


def value_in_words(value: Any) -> str:
    """A value of a recipe or of a run's record in one cell: tables become "kind a=1 b=2", None "none", True "yes"."""
    if isinstance(value, list | tuple):
        return ", ".join(value_in_words(entry) for entry in value) or "none"
    if isinstance(value, dict):
        rest = {key: entry for key, entry in value.items() if key != "kind"}
        return " ".join([value["kind"], *(f"{key}={entry}" for key, entry in rest.items())])
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)
