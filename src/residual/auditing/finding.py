"""One thing that is wrong with a data set, and the places where it can be seen."""

from collections.abc import Iterable
from dataclasses import dataclass

# Whether a result that was measured on the data can be wrong for it.
HURTS, NOTE = "hurts", "note"
SPLIT_WORDS = {"train": "training", "validation": "validation", "test": "test"}


@dataclass(frozen=True)
class Case:
    """One place where a finding can be seen.

    Attributes:
        images: rows of the source.
        note: what is to be said of it, or "".
    """

    images: tuple[int, ...]
    note: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: a short name that does not change: "leak", "two-labels", ...
        severity: `HURTS` or `NOTE`.
        says: one sentence with the count.
        count: of images, or of pairs if `says` speaks of pairs.
        cases: where; all of them.
        description: what it means, for people who see it for the first time.
    """

    kind: str
    severity: str
    says: str
    count: int
    cases: tuple[Case, ...] = ()
    description: str = ""

    @property
    def hurts(self) -> bool:
        """Whether a result that was measured on this data can be wrong for it."""
        return self.severity == HURTS


@dataclass(frozen=True)
class Found:
    """What a check has found: a `Finding` without what is the same for all of its kind."""

    says: str
    count: int
    cases: tuple[Case, ...] = ()


def format_count(count: int, one: str, many: str = "") -> str:
    """ "1 image" or "2 images"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def join_labels(classes: tuple[str, ...], labels: Iterable[int]) -> str:
    """ "cat and dog"."""
    return " and ".join(dict.fromkeys(classes[label] for label in labels))
