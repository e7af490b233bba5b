"""What a file may ask for before it is believed: a few bytes can declare more than any memory holds."""

from residual._text import format_bytes
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
        declared, held, most = map(format_bytes, (size, stored, free))
        raise DataError(
            f"{where} declares {declared} and stores {held}; from {most} on, {MOST_TIMES} times what is stored is the "
            "most. It is damaged or made to fill the memory: copy or download it again."
        )
