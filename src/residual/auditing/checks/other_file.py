"""Files and folders among the images that are not read."""

from collections.abc import Iterator

from residual.auditing.finding import NOTE, Case, Found, format_count
from residual.auditing.scan import Facts
from residual.data.passed_over import count_passed_over
from residual.data.source import Source

KIND = "other-file"
SEVERITY = NOTE
DESCRIPTION = (
    "They are not read. An image among them has an unusual ending, lies in no class folder, or has no label."
)


def find(facts: Facts, source: Source) -> Iterator[Found]:
    """All of them by name, with the reason."""
    if source.passed_over:
        cases = tuple(Case((), f"{name}: {reason}") for name, reason in source.passed_over)
        reasons = ", ".join(
            f"{count:,} ({reason})" for reason, count in count_passed_over(source.passed_over).items()
        )
        says = f"{format_count(len(cases), 'file or folder', 'files and folders')} passed over: {reasons}"
        yield Found(says, len(cases), cases)
