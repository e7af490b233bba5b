"""Pixels as files have them (channels first, flat, floats, whole numbers of other types) as uint8 (n, h, w, 3)."""

import math
from collections.abc import Mapping

import numpy as np

from residual.data.pixel_store import Pixels, PixelStore
from residual.errors import DataError

CHANNELS = (1, 3, 4)
_PIECE = 2**24  # values converted at a time
_DIM = 127  # a brightest pixel below this does not say what is white


def arrange_axes(x: Pixels, count: int, where: str) -> tuple[Pixels, str]:
    """Images as (n, height, width, channels), and how they were turned, or "".

    Args:
        x: (n, h, w), (n, h, w, c), (n, c, h, w), (h, w, c, n), (h, w, n), or flat grey rows (n, h x h).
        count: n.
        where: the file, for errors.
    """
    shape = tuple(x.shape)
    if len(shape) == 4 and shape[3] == count != shape[0] and shape[2] in CHANNELS:
        return np.moveaxis(
            np.asarray(x), 3, 0
        ), f"images are stored as {_format(shape)}: the last axis counts them"
    if len(shape) == 3 and shape[2] == count != shape[0]:
        return np.moveaxis(np.asarray(x), 2, 0)[
            ..., None
        ], f"images are stored as {_format(shape)}: the last axis counts them"
    if len(shape) == 2 and shape[0] == count and math.isqrt(shape[1]) ** 2 == shape[1] > 16:
        side = math.isqrt(shape[1])
        return np.reshape(
            x, (count, side, side, 1)
        ), f"rows of {shape[1]} values are grey images of {side}x{side}"
    if len(shape) == 3:
        return x[..., None] if isinstance(x, np.ndarray) else np.asarray(x)[..., None], ""
    is_square = len(shape) == 4 and shape[2] == shape[3]
    if len(shape) == 4 and shape[3] not in CHANNELS and shape[1] in ((1, 3, 4) if is_square else (1, 3)):
        return np.moveaxis(np.asarray(x), 1, 3), f"images are stored as {_format(shape)}: channels first"
    if len(shape) != 4 or shape[3] not in CHANNELS:
        raise DataError(f"{where}: images must be (n, height, width, 1, 3 or 4), got shape {shape}.")
    return x, ""


def _format(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"


def find_white(parts: Mapping[str, Pixels], white: str | None, where: str) -> tuple[float, str]:
    """The value that stands for white in all arrays of a source, and a note if it had to be found out.

    Args:
        parts: images of each split.
        white: what the user says, or None.
        where: the file, for errors.

    Raises:
        DataError: if the values do not say it.
    """
    if white is not None:
        try:
            value = float(white)
        except ValueError:
            value = 0.0
        if not 0 < value < math.inf:
            raise DataError(f"{where}: white must be the value of a white pixel, such as 255; got {white!r}.")
        lowest = min((float(np.min(part)) for part in parts.values() if part.size), default=0.0)
        if lowest < 0:
            raise DataError(
                f"{where}: images have values down to {lowest:g}, which no white makes pixels of. Store them as uint8 "
                "from 0 to 255."
            )
        return value, f"a pixel of {white} is white"
    types = {str(part.dtype) for part in parts.values()}
    if types == {"uint8"}:
        return 255.0, ""
    if types == {"bool"}:
        return 1.0, "images are boolean: true is white"
    filled = [np.asarray(part) for part in parts.values() if part.size]
    if any(part.dtype.kind not in "biuf" for part in filled):
        raise DataError(
            f"{where}: images must be uint8 from 0 to 255, got {', '.join(sorted(types))}. Convert them "
            "first."
        )
    lowest = min((float(part.min()) for part in filled), default=0.0)
    highest = max((float(part.max()) for part in filled), default=0.0)
    found = f"{where}: images are {' and '.join(sorted(types))} from {lowest:g} to {highest:g}"
    if not math.isfinite(lowest + highest):
        raise DataError(f"{found}: values that are not finite. Convert them to uint8 from 0 to 255 first.")
    if lowest < 0:
        raise DataError(f"{found}: they were scaled for a network. Store the pixels as uint8 from 0 to 255.")
    if len(types) > 1 or (highest > 1 and any(0 < float(part.max()) <= 1 for part in filled)):
        raise DataError(
            f"{found}, and not alike in all splits. Store all of them alike, as uint8 from 0 to 255."
        )
    if highest == 0:
        return 255.0, ""
    if highest <= 1:
        return 1.0, f"images are {' and '.join(sorted(types))} from 0 to 1: 1 is white"
    if _DIM < highest <= 255:
        return 255.0, f"images are {' and '.join(sorted(types))} from 0 to {highest:g}: 255 is white"
    raise DataError(
        f"{found}, which does not say what is white. Say it behind the data: ::white={_guess(highest)}"
    )


def _guess(highest: float) -> str:
    return next(
        (str(top) for top in (15, 16, 31, 63, 127, 1023, 4095, 16383, 65535) if highest <= top),
        f"{highest:g}",
    )


def to_bytes(x: Pixels, white: float) -> Pixels:
    """The same as uint8, `white` as 255; what is brighter is white."""
    if isinstance(x, PixelStore) or (x.dtype == np.uint8 and white == 255):
        return x
    out = np.empty(x.shape, np.uint8)
    step = max(1, _PIECE // max(1, math.prod(x.shape[1:])))
    for start in range(0, len(x), step):
        piece = x[start : start + step].astype(np.float32) * np.float32(255 / white)
        out[start : start + step] = np.clip(piece, 0, 255).round()
    return out


def to_rgb(x: Pixels) -> Pixels:
    """uint8 (n, h, w, 1, 3 or 4) as RGB; transparent pixels become white."""
    if x.shape[-1] == 3:
        return np.ascontiguousarray(x) if isinstance(x, np.ndarray) else x
    x = np.asarray(x)
    if x.shape[-1] == 1:
        return np.repeat(x, 3, axis=-1)
    alpha = x[..., 3:].astype(np.float32) / 255
    return (x[..., :3] * alpha + 255 * (1 - alpha)).round().astype(np.uint8)
