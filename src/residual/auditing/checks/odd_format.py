"""Images of a format that hardly any other has: often a placeholder, not a photo."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from residual.auditing.finding import NOTE, Case, Found, format_count
from residual.auditing.scan import Facts
from residual.data.source import Source

KIND = "odd-format"
SEVERITY = NOTE
DESCRIPTION = (
    "One GIF among hundreds of JPEGs is often a picture that says that there is no picture. Look at it."
)
_LEAST, _SHARE = 50, 0.95  # images, and the share of them that have the usual format
_FAMILIES = {"MPO": "JPEG"}


def find(facts: Facts, source: Source) -> Iterator[Found]:
    """All of them, if nearly all images have one format."""
    held = {i: _FAMILIES.get(name, name) for i, name in facts.formats.items() if name}
    counts = Counter(held.values())
    if len(held) < _LEAST or len(counts) < 2:
        return
    usual, count = counts.most_common(1)[0]
    if count < _SHARE * len(held):
        return
    rare: dict[str, list[int]] = defaultdict(list)
    for i, name in held.items():
        if name != usual:
            rare[name].append(i)
    cases = tuple(Case((i,), f"is {name}") for name, images in rare.items() for i in sorted(images))
    says = f"{format_count(len(cases), 'image')} of another format than the {count:,} {usual} images"
    yield Found(says, len(cases), cases)
