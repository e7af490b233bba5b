"""Numbers, durations and names as text for people."""

from math import ceil, log10


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
    digits = max(1, ceil(log10(n)) - 2)
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


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or the error's type if it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def escape_control(text: str) -> str:
    """Replace each character that does not print by "?": a name may hold an escape sequence."""
    return "".join(character if character.isprintable() else "?" for character in text)


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
