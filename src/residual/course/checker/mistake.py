"""What the catalogue says of one mistake."""

from typing import Literal, NamedTuple


class Mistake(NamedTuple):
    """A row of the catalogue.

    Attributes:
        looks: what the code looks like.
        message: what the checker says.
        mend: what to change.
        severity: a "note" is printed and does not make a block wrong.
    """

    looks: str
    message: str
    mend: str
    severity: Literal["mistake", "note"] = "mistake"
