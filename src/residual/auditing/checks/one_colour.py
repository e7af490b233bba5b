"""Images of a single colour."""

from collections.abc import Iterator

import numpy as np

from residual.auditing.finding import NOTE, Case, Found, format_count
from residual.auditing.scan import Facts
from residual.data.source import Source

KIND = "one-colour"
SEVERITY = NOTE
DESCRIPTION = "There is nothing to see in them."


def find(facts: Facts, source: Source) -> Iterator[Found]:
    """All of them."""
    constant = np.flatnonzero(facts.constant)
    if len(constant):
        says = f"{format_count(len(constant), 'image')} of a single colour"
        yield Found(says, len(constant), tuple(Case((int(i),)) for i in constant))
