"""Sizes and short times as people write them."""

import re

from residual.errors import ResidualError

_QUANTITY = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([A-Za-z]*)")
_BYTES = {"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_SECONDS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0}


def parse_bytes(argument: str, text: str) -> int:
    """Bytes of a size such as "20MB", "512 kB" or "1GiB"; a bare number is bytes.

    Args:
        argument: what the text was given as, for the message.
        text: what a person wrote.

    Raises:
        ResidualError: for anything else.
    """
    value = _parse(text, _BYTES)
    if value is None or value < 1:
        raise ResidualError(f'{argument} must be a size such as "20MB", "512kB" or "1GiB"; got {text!r}.')
    return int(value)


def parse_seconds(argument: str, text: str) -> float:
    """Seconds of a short time such as "3ms", "0.5s" or "2m".

    Args:
        argument: what the text was given as, for the message.
        text: what a person wrote.

    Raises:
        ResidualError: for anything else, a bare number other than 0 included.
    """
    value = 0.0 if text.strip() == "0" else _parse(text, _SECONDS)
    if value is None:
        raise ResidualError(f'{argument} must be a time such as "3ms", "0.5s" or "2m"; got {text!r}.')
    return value


def _parse(text: str, units: dict[str, float]) -> float | None:
    """The number in the smallest unit; None for what is no quantity."""
    found = _QUANTITY.fullmatch(text.strip())
    if found is None or found[2].lower() not in units:
        return None
    return float(found[1]) * units[found[2].lower()]
