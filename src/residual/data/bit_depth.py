"""Images of more than 8 bits that use a small part of their range: found, and the value of white as an option."""

import io
import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from residual.data.formats import get_suffix, list_readable
from residual.data.image_file import QUIET
from residual.data.source import FileSource
from residual.errors import DataError

_SUFFIXES = (".png", ".tif", ".tiff", ".pgm")
_LOOKED_AT, _FIRST = 8, 200
_USUAL = (1023, 4095, 16383)  # white of 10, 12 and 14 bits


def set_white(source: FileSource, white: str | None) -> FileSource:
    """The source with the value of white that the user says, or with a note if images look nearly black without.

    Raises:
        DataError: if it is no number above 0.
    """
    if white is None:
        note = _describe_depth(source)
        return source.with_notes(note) if note else source
    try:
        value = float(white)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise DataError(
            f"{source.where}: white must be the value of a white pixel, such as 4095; got {white!r}."
        )
    return replace(source, white=value)


def _describe_depth(source: FileSource) -> str:
    first = range(min(len(source), _FIRST))
    deep = itertools.islice((i for i in first if get_suffix(source.names[i]) in _SUFFIXES), _LOOKED_AT)
    brightest = max((_find_brightest(source, i) for i in deep), default=0)
    top = next((top for top in _USUAL if 255 < brightest <= top), None)
    if top is None:
        return ""
    return (
        f"16-bit images use values up to {brightest:,} of 65,535 and look nearly black; {source.where}::white={top} "
        f"takes {top:,} for white"
    )


def _find_brightest(source: FileSource, i: int) -> int:
    """The largest value of a 16-bit image; 0 of any other, and if it cannot be read."""
    from PIL import Image

    try:
        content = source.open(i)
        file = content if isinstance(content, Path) else io.BytesIO(content)
        with QUIET, Image.open(file, formats=list_readable()) as image:
            return int(np.asarray(image).max()) if image.mode.startswith("I;16") else 0
    except Exception:  # whatever is wrong with it, reading says it
        return 0
