"""Files with the name of a picture that says that a picture is missing."""

from collections.abc import Iterator

from residual.auditing.finding import HURTS, Case, Found, format_count
from residual.auditing.scan import Facts
from residual.data.source import Source
from residual.data.words import normalize

KIND = "placeholder"
SEVERITY = HURTS
DESCRIPTION = (
    "A download that failed leaves a picture that says so. The network learns it as an image of its class."
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
    named = {i for i in range(len(source)) if i in facts.formats and _is_placeholder(source.names[i])}
    same = {int(i) for group in facts.duplicates if named & set(group.tolist()) for i in group}
    if named | same:
        cases = tuple(Case((i,)) for i in sorted(named | same))
        yield Found(
            f"{format_count(len(cases), 'image')} with the name of a placeholder, or with its pixels",
            len(cases),
            cases,
        )


def _is_placeholder(name: str) -> bool:
    plain = normalize(name.rsplit("/", 1)[-1])
    return any(word in plain for word in _WORDS)
