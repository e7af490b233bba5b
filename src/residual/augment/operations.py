"""The fourteen operations of RandAugment, each on several uint8 images (n, h, w, 3) at once.

Each changes every image as Pillow's function of the same name does, to the bit: ImageOps for autocontrast,
equalize, posterize and solarize, ImageEnhance for color, contrast, brightness and sharpness, and
Image.transform or Image.rotate, which read the nearest pixel, for the moves. What comes in at a border is
grey. `amount` (n,) runs from -1 to 1, the most that AutoAugment allows (arXiv:1805.09501).
"""

import numpy as np

GREY = 128
_LEVELS = np.arange(256)


def identity(x: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """The images as they are."""
    return x


def autocontrast(x: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Stretch each colour of each image from 0 to 255, whatever the amount."""
    planes = _planes(x)
    low, high = (find(-1, keepdims=True).astype(float) for find in (planes.min, planes.max))
    scale = 255 / np.maximum(high - low, 1)
    stretched = np.clip(_LEVELS * scale - low * scale, 0, 255)
    return _look_up(x, np.where(high > low, stretched, _LEVELS))


def equalize(x: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Spread each colour of each image evenly over 0 to 255, whatever the amount."""
    planes = _planes(x)
    n, channels, pixels = planes.shape
    table = 256 * np.arange(n * channels).reshape(n, channels, 1)
    counts = np.bincount((planes + table).reshape(-1), minlength=n * channels * 256)
    counts = counts.reshape(n, channels, 256)
    brightest = np.take_along_axis(counts, planes.max(-1, keepdims=True).astype(np.intp), -1)
    step = (pixels - brightest) // 255
    below = np.cumsum(counts, -1) - counts
    spread = np.minimum((below + step // 2) // np.maximum(step, 1), 255)
    return _look_up(x, np.where(step > 0, spread, _LEVELS))


def posterize(x: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Keep 8 to 4 bits of every value."""
    bits = np.rint(4 * np.abs(amount)).astype(int)[:, None, None]
    return _look_up(x, _LEVELS >> bits << bits)


def solarize(x: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Invert the values from a threshold on: from 256, which is none, down to 0, all."""
    threshold = 256 * (1 - np.abs(amount))[:, None, None]
    return _look_up(x, np.where(threshold > _LEVELS, _LEVELS, 255 - _LEVELS))


def brightness(x: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Multiply by 0.1 to 1.9."""
    return _look_up(x, _blend(0.0, _LEVELS, _factor(amount)[..., 0]))


def contrast(x: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Stretch by 0.1 to 1.9 about the mean of the image in grey."""
    mean = np.floor(_grey(x).mean((1, 2, 3)) + 0.5)
    return _look_up(x, _blend(mean.astype(np.float32)[:, None, None], _LEVELS, _factor(amount)[..., 0]))


def color(x: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Multiply the distance from the image in grey by 0.1 to 1.9."""
    return _blend(_grey(x), x, _factor(amount))


def sharpness(x: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Multiply the distance from the smoothed image by 0.1 to 1.9; the outermost pixels stay."""
    wide = x.astype(np.uint16)
    total = wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:]
    total = total[:, :, :-2] + total[:, :, 1:-1] + total[:, :, 2:]
    smooth = x.copy()
    # The middle counts five times; a sum over 13 is never halfway, so that adding 6 rounds it.
    smooth[:, 1:-1, 1:-1] = (total + 4 * wide[:, 1:-1, 1:-1] + 6) // 13
    return _blend(smooth, x, _factor(amount))


def rotate(x: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Turn about the middle by up to 30 degrees; positive amounts turn counter-clockwise."""
    _, height, width, _ = x.shape
    angle = np.deg2rad(30 * amount)
    cos, sin = np.cos(angle), np.sin(angle)
    return _read(
        x,
        (cos, -sin, (width - cos * width + sin * height) / 2),
        (sin, cos, (height - sin * width - cos * height) / 2),
    )


def shear_x(x: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Move every row by up to 0.3 times its distance from the top."""
    return _read(x, (1, 0.3 * amount, 0), (0, 1, 0))


def shear_y(x: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Move every column by up to 0.3 times its distance from the left."""
    return _read(x, (1, 0, 0), (0.3 * amount, 1, 0))


def translate_x(x: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Move sideways by up to 150/331 of the width: AutoAugment's 150 pixels of an image of 331."""
    return _read(x, (1, 0, 150 / 331 * x.shape[2] * amount), (0, 1, 0))


def translate_y(x: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Move up or down by up to 150/331 of the height."""
    return _read(x, (1, 0, 0), (0, 1, 150 / 331 * x.shape[1] * amount))


OPERATIONS = (
    identity,
    autocontrast,
    equalize,
    rotate,
    solarize,
    color,
    posterize,
    contrast,
    brightness,
    sharpness,
    shear_x,
    shear_y,
    translate_x,
    translate_y,
)


def _planes(x: np.ndarray) -> np.ndarray:
    """The colours one by one, (n, 3, h * w): reducing them is several times faster than (n, h, w, 3)."""
    return np.ascontiguousarray(np.moveaxis(x, -1, 1)).reshape(len(x), x.shape[-1], -1)


def _look_up(x: np.ndarray, tables: np.ndarray) -> np.ndarray:
    """Each value replaced by that of its image's table (n, 1, 256), or of its image's and colour's (n, 3, 256)."""
    n, channels, _ = tables.shape
    first = 256 * np.arange(n * channels).reshape(n, 1, 1, channels)
    return tables.astype(np.uint8).reshape(-1).take(x + first)


def _factor(amount: np.ndarray) -> np.ndarray:
    return (1 + 0.9 * amount).astype(np.float32)[:, None, None, None]


def _blend(base: np.ndarray | float, x: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """base + factor (x - base) as uint8: what is over is cut off, not rounded, as Pillow does."""
    out = np.subtract(x, base, dtype=np.float32) * factor
    out += base
    return np.clip(out, 0, 255, out=out).astype(np.uint8)


def _grey(x: np.ndarray) -> np.ndarray:
    """The luminance (ITU-R 601) in whole numbers, uint8 (n, h, w, 1)."""
    red, green, blue = (x[..., channel : channel + 1].astype(np.uint32) for channel in range(3))
    return ((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16).astype(np.uint8)


def _read(x: np.ndarray, across: tuple, down: tuple) -> np.ndarray:
    """x at the pixel nearest to where an affine map points; grey if that is outside.

    Args:
        x: (n, h, w, 3).
        across: (a, b, c), numbers or (n,): the column to read is a * column + b * row + c.
        down: (d, e, f) likewise for the row to read.
    """
    n, height, width, channels = x.shape
    column, row = (_positions(n, height, width, *terms) for terms in (across, down))
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    pixel = (np.arange(n)[:, None, None] * height + row) * width + column
    pixels = np.concatenate([x.reshape(-1, channels), np.full((1, channels), GREY, np.uint8)])
    return pixels.take(np.where(inside, pixel, len(pixels) - 1), axis=0)


def _positions(n: int, height: int, width: int, by_column, by_row, start) -> np.ndarray:
    """Whole-numbered positions (n, h, w) in 65,536ths of a pixel, seen from the middle of each pixel."""
    terms = (by_column, by_row, start + (np.add(by_column, by_row)) / 2)
    by_column, by_row, start = (
        np.broadcast_to(np.floor(np.asarray(term) * 65536 + 0.5).astype(np.int32), n)[:, None, None]
        for term in terms
    )
    row, column = np.arange(height, dtype=np.int32)[:, None], np.arange(width, dtype=np.int32)
    return (start + by_row * row + by_column * column) >> 16
