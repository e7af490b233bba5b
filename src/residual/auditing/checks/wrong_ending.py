"""Images whose names end in another format."""

from collections.abc import Iterator

from residual.auditing.finding import NOTE, Case, Found, format_count
from residual.auditing.scan import Facts
from residual.data.source import Source

KIND = "wrong-ending"
SEVERITY = NOTE
DESCRIPTION = "The name lies about the format. Other programs may not open the file."


def find(facts: Facts, source: Source) -> Iterator[Found]:
    """All of them, with the format that they have."""
    if facts.wrong_ending:
        cases = tuple(Case((i,), f"is {kind}") for i, kind in sorted(facts.wrong_ending.items()))
        says = f"{format_count(len(cases), 'image')} of another format than the name ends in"
        yield Found(says, len(cases), cases)
