"""Tables as TOML documents that people read."""

import re

import tomli_w

# An array of numbers over several lines. A string never spans lines, so none is mistaken for one.
_NUMBERS = re.compile(r"\[\n((?: *[-+0-9.einfa]+,\n)+) *\]")


def format_toml(table: dict) -> str:
    """A table as a TOML document, in which an array of numbers stands in one line."""
    return _NUMBERS.sub(_join, tomli_w.dumps(table))


def _join(found: re.Match) -> str:
    return f"[{', '.join(line.strip(' ,') for line in found[1].splitlines())}]"
