"""The words of a report: percentages with the digits that the sample carries, the headline, short names."""

from math import ceil, log10
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from residual.evaluation.metrics import Scores


def headline(scores: "Scores") -> str:
    """One line that stands alone: 'accuracy 97.5% (117 of 120; 95% interval 92.9-99.1%)'."""
    low, high = (percent(end, scores.n).rstrip("%") for end in scores.interval)
    accuracy = percent(scores.accuracy, scores.n)
    return f"accuracy {accuracy} ({scores.correct} of {scores.n}; 95% interval {low}-{high}%)"


def leaks(scores: "Scores") -> str:
    """What the headline owes to test images that the model was trained on; "" where there are none."""
    if not scores.leaked:
        return ""
    also = "is also a training image" if scores.leaked == 1 else "are also training images"
    told = f"{scores.leaked} of the {scores.n} test images {also}"
    return f"{told}; without, {headline(scores.without_leaked)}" if scores.without_leaked else told


def percent(fraction: float, n: int) -> str:
    """A fraction as a percentage with enough digits that one of n images shows, and one digit at least.

    9,999 of 10,000 is 99.99%, not 100.0%; 10,000 test images give the two digits that CIFAR tables print.
    """
    digits = max(1, ceil(log10(n)) - 2)
    return f"{100 * fraction:.{digits}f}%"


def value_in_words(value: Any) -> str:
    """A value of a recipe or of a run's record in one cell: tables become "kind a=1 b=2", nothing is "none"."""
    if isinstance(value, list):
        return ", ".join(value_in_words(entry) for entry in value) or "none"
    if isinstance(value, dict):
        rest = {key: entry for key, entry in value.items() if key != "kind"}
        return " ".join([value["kind"], *(f"{key}={entry}" for key, entry in rest.items())])
    return "none" if value is None else str(value)


def shortened(name: str, width: int) -> str:
    """`name` on one line of at most `width` columns, its middle left out: the ends tell long names apart.

    Characters that do not print (a folder may hold an escape sequence) become '?'. East Asian characters
    take two columns.
    """
    from rich.cells import cell_len, set_cell_size

    printable = "".join(character if character.isprintable() else "?" for character in name)
    if cell_len(printable) <= width:
        return printable
    if width < 6:
        return set_cell_size(printable, width).rstrip()
    tail_width = (width - 2) // 2
    tail = printable
    while cell_len(tail) > tail_width:
        tail = tail[1:]
    return set_cell_size(printable, width - 2 - cell_len(tail)).rstrip() + ".." + tail
