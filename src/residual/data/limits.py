"""What a file may ask for before it is believed: a few bytes can declare more than any memory holds."""

from residual.errors import DataError

# The largest bitmap that Pillow opens without a warning has 89 million pixels of 3 bytes.
MOST_BYTES = 300 * 2**20  # of one image file
FREE = 256 * 2**20  # bytes that a file may unpack to, however small it is
MOST_TIMES = 100  # what is larger may be so many times what is stored: photos hardly shrink at all


def check_unpacked(size: int, stored: int, where: str, free: int = FREE) -> None:
    """Refuse what is out of proportion, before memory is taken for it.

    Args:
        size: bytes that are declared.
        stored: bytes that the file has for them.
        where: the file, and what in it.
        free: bytes that may be declared in any case.

    Raises:
        DataError: when `size` is above `free` and more than 100 times `stored`.
    """
    if size > max(free, MOST_TIMES * stored):
        raise DataError(
            f"{where} declares {told(size)} and stores {told(stored)}; from {told(free)} on, {MOST_TIMES} times what "
            "is stored is the most. It is damaged or made to fill the memory: copy or download it again."
        )


def told(size: int) -> str:
    """'1.5 GB'."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return f"{size / unit:,.1f} {name}"
    return f"{size} bytes"
