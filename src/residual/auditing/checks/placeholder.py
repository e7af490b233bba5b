"""Files called as pictures are that stand where a picture is missing."""

from collections.abc import Iterator

from residual.auditing.finding import HURTS, Case, Found, format_count
from residual.auditing.scan import Facts
from residual.data.source import Source
from residual.data.words import normalize

KIND = "placeholder"
SEVERITY = HURTS
DESCRIPTION = (
    "A download that failed leaves a picture that says so. The network learns it as one of its class."
)
_WORDS = (
    "imagenotfound",
    "notfound",
    "noimage",
    "nophoto",
    "nopicture",
    "notavailable",
    "photounavailable",
    "imageunavailable",
    "placeholder",
    "comingsoon",
    "defaultimage",
    "missingimage",
)


def find(facts: Facts, source: Source) -> Iterator[Found]:
    """All of them, by their names and those of the same pixels."""
    named = {
        i
        for i in range(len(source))
        if i in facts.formats
        and any(word in normalize(source.names[i].rsplit("/", 1)[-1]) for word in _WORDS)
    }
    same = {int(i) for group in facts.duplicates if named & set(group.tolist()) for i in group}
    if named | same:
        cases = tuple(Case((i,)) for i in sorted(named | same))
        yield Found(
            f"{format_count(len(cases), 'image')} called as a placeholder is, or with its pixels",
            len(cases),
            cases,
        )
