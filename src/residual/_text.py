"""Numbers, durations and names as text for people."""

import math
import re
import reprlib
import unicodedata

from residual.errors import RecipeError

_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)"
_DURATION = re.compile(rf"(?=.)(?:{_NUMBER}h)?\s*(?:{_NUMBER}m)?\s*(?:{_NUMBER}s)?|{_NUMBER}")
_MOST_SHOWN = 120  # characters of a value in a message
_JOINERS = "\u200c\u200d"  # between the letters of Persian and of Indian scripts, and within emoji


def format_bytes(size: float, *, binary: bool = False) -> str:
    """1_500_000_000 as "1.5 GB"; with `binary`, as memory is counted, "1.4 GiB" or "1430 MiB"."""
    if binary:
        return f"{size / 2**30:,.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return f"{size / unit:,.1f} {name}"
    return f"{size} bytes"


def format_percent(fraction: float, n: int) -> str:
    """A fraction as a percentage with enough digits that one of n images shows, and one digit at least.

    9,999 of 10,000 is 99.99%, not 100.0%; 10,000 test images give the two digits that CIFAR tables print.
    """
    digits = max(1, math.ceil(math.log10(n)) - 2)
    return f"{100 * fraction:.{digits}f}%"


def format_duration(seconds: float) -> str:
    """Seconds as "45 s", "3 min 20 s" or "2 h 5 min"."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    return f"{minutes // 60} h {minutes % 60} min"


def format_clock(seconds: float) -> str:
    """Seconds as "0:14", "3:20" or "2:05:10", for a column."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def parse_duration(argument: str, text: str) -> float:
    """Seconds of a time such as "90s", "10m", "1.5h" or "1h30m"; a bare number is minutes.

    Args:
        argument: what the text was given as, for the message.
        text: what a person wrote.

    Raises:
        RecipeError: for anything else, and for no time at all.
    """
    found = _DURATION.fullmatch(text.strip().lower())
    numbers = [float(number or 0) for number in found.groups()] if found else [0.0]
    seconds = sum(number * unit for number, unit in zip(numbers, (3600, 60, 1, 60), strict=False))
    if not 0 < seconds < math.inf:
        raise RecipeError(f'{argument} must be a time such as "90s", "10m" or "1h30m"; got {text!r}.')
    return seconds


def format_shape(shape) -> str:
    """(56, 56, 256) as "56x56x256"; a side that varies is "?"."""
    sizes = shape if isinstance(shape, tuple | list) else (shape,)
    return "x".join("?" if side is None else str(side) for side in sizes)


def format_magnitude(number: int) -> str:
    """Three digits and a letter: 64, 9.47k, 25.6M, 3.86G, 11.3G."""
    if abs(number) < 1000:
        return str(number)
    value, letters = number / 1000, iter("kMGTP")
    letter = next(letters)
    # 999.6 would round to four digits, so the next letter takes over half a unit early.
    while abs(value) >= 999.5:
        value, letter = value / 1000, next(letters)
    digits = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    return f"{value:.{digits}f}{letter}"


def describe_value(value: object) -> str:
    """A value for an error message: its repr, cut to a line if it is long, such as an array or a list."""
    if isinstance(value, str | int | float | None):
        return repr(value)
    short = reprlib.Repr()
    short.maxstring = short.maxother = 60
    text = short.repr(value).replace("\n", " ")
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or the error's type if it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def escape_control(text: str) -> str:
    """Replace each character that acts instead of being shown by "?": a name may hold an escape sequence.

    Those are control characters, line breaks, changes of the writing direction and bytes that are no text. Letters,
    marks, emoji and spaces of all scripts stay.
    """
    if text.isprintable():
        return text
    return "".join(character if _is_shown(character) else "?" for character in text)


def _is_shown(character: str) -> bool:
    return character.isprintable() or character in _JOINERS or unicodedata.category(character) == "Zs"


def truncate_middle(name: str, width: int) -> str:
    """`name` on one line of at most `width` columns, its middle left out: the ends distinguish long names.

    Characters that do not print become "?". East Asian characters take two columns.
    """
    from rich.cells import cell_len, set_cell_size

    printable = escape_control(name)
    if cell_len(printable) <= width:
        return printable
    if width < 6:
        return set_cell_size(printable, width).rstrip()
    tail_width = (width - 2) // 2
    tail = printable
    while cell_len(tail) > tail_width:
        tail = tail[1:]
    return set_cell_size(printable, width - 2 - cell_len(tail)).rstrip() + ".." + tail


def wrap_words(text: str, width: int) -> list[str]:
    """Lines of at most `width` columns. A word that is longer, such as a path, is not broken."""
    from rich.cells import cell_len

    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if cell_len(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
