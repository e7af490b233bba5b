"""Files among the images that are none by their ending."""

from collections.abc import Iterator

from residual.auditing.finding import NOTE, Case, Found, format_count
from residual.auditing.scan import Facts
from residual.data.source import Source

KIND = "other-file"
SEVERITY = NOTE
DESCRIPTION = "They are not read. An image among them has an unusual ending."


def find(facts: Facts, source: Source) -> Iterator[Found]:
    """All of them by name."""
    if source.passed_over:
        cases = tuple(Case((), name) for name in source.passed_over)
        is_not, its = ("is not", "its name does") if len(cases) == 1 else ("are not", "their names do")
        says = f"{format_count(len(cases), 'file')} among the images {is_not} read: {its} not end as an image's does"
        yield Found(says, len(cases), cases)
