"""Where a network looked: how far the probability of a label falls if a part of the image is covered.

Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014, section 4.2.
"""

import numpy as np

CELLS = 8  # on a side of the map, fewer if the image is small
_COVERED = 2  # cells on a side of what is covered at a time
_LEAST = 4  # pixels on a side of a cell


def cover_parts(image: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """Copies of an image, each with another part replaced by a blurred one.

    Neighbouring parts overlap by half.

    Args:
        image: uint8 (height, width, 3).

    Returns:
        uint8 (copies, height, width, 3), and (rows, columns) of cells.
    """
    rows, columns = (max(_COVERED, min(CELLS, side // _LEAST)) for side in image.shape[:2])
    blurred = _blur(image)
    tops, lefts = _split(image.shape[0], rows), _split(image.shape[1], columns)
    copies = []
    for row, column in _list_parts(rows, columns):
        copy = image.copy()
        part = np.s_[tops[row] : tops[row + _COVERED], lefts[column] : lefts[column + _COVERED]]
        copy[part] = blurred[part]
        copies.append(copy)
    return np.stack(copies), (rows, columns)


def average_drops(drops: np.ndarray, cells: tuple[int, int]) -> np.ndarray:
    """The mean drop of the parts that cover each cell.

    Args:
        drops: (copies,) in the order of `cover_parts`.
        cells: rows and columns, from `cover_parts`.

    Returns:
        float64 (rows, columns).
    """
    total, count = np.zeros(cells), np.zeros(cells)
    for (row, column), drop in zip(_list_parts(*cells), drops, strict=True):
        part = np.s_[row : row + _COVERED, column : column + _COVERED]
        total[part] += drop
        count[part] += 1
    return total / count


def _list_parts(rows: int, columns: int) -> list[tuple[int, int]]:
    """The first row and column of cells of each part."""
    return [(r, c) for r in range(rows - _COVERED + 1) for c in range(columns - _COVERED + 1)]


def _split(side: int, cells: int) -> list[int]:
    """The edges of the cells on a side, in pixels."""
    return [round(side * cell / cells) for cell in range(cells + 1)]


def _blur(image: np.ndarray) -> np.ndarray:
    """The image without detail: a grey or black patch would be something to see itself."""
    from PIL import Image, ImageFilter

    blurred = Image.fromarray(image).filter(ImageFilter.GaussianBlur(max(image.shape[:2]) / 6))
    return np.asarray(blurred)
