"""Images of another size or shape than the rest."""

from collections.abc import Iterator

import numpy as np

from residual.auditing.finding import NOTE, Case, Found, format_count
from residual.auditing.scan import Facts
from residual.data.source import Source

KIND = "odd-size"
SEVERITY = NOTE
DESCRIPTION = "They are scaled and cut more than the others, and may show something else."


_SIDE, _ASPECT = 4.0, 2.5
_SHARE = 0.05  # more odd sizes than this are no exception


def find(facts: Facts, source: Source) -> Iterator[Found]:
    """All of them, with their sizes."""
    odd = _find_odd(facts)
    if len(odd):
        usual = "x".join(map(str, np.median(facts.size[facts.readable], axis=0).round().astype(int)))
        says = f"{format_count(len(odd), 'image')} of an odd size (usual: {usual})"
        yield Found(says, len(odd), tuple(Case((int(i),), "x".join(map(str, facts.size[i]))) for i in odd))


def _find_odd(facts: Facts) -> np.ndarray:
    """Images more than 4 times as large or small as the median, by side, or 2.5 times as long or as high."""
    readable = np.flatnonzero(facts.readable)
    if not len(readable):
        return readable
    width, height = np.log(facts.size[readable].astype(np.float64)).T
    side, aspect = (width + height) / 2, width - height
    odd = np.abs(side - np.median(side)) > np.log(_SIDE)
    odd |= np.abs(aspect - np.median(aspect)) > np.log(_ASPECT)
    return readable[odd] if odd.mean() <= _SHARE else readable[:0]
