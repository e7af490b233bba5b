"""How one image file becomes pixels, and the one place that says why it does not."""

import io
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from residual.data.formats import find_unread, get_suffix, list_readable
from residual.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

# Why an image cannot be read.
EMPTY, CUT, TEXT, UNKNOWN, HUGE, DAMAGED, LOCKED = (
    "empty",
    "cut short",
    "a text or web page",
    "no image",
    "too large",
    "damaged",
    "not readable",
)
NO_MEMORY = "it needs more memory than there is"
_TOO_MUCH = "needs more memory than there is to decode. Scale it down first."
_NO_FORMAT = "its content is no known image format"
_ALLOWED = "Allowed: PNG, JPEG, WebP, GIF, BMP, TIFF, PPM, AVIF, JPEG 2000 and HEIC files."
_HEAD = 512  # bytes that tell a text from an image
_ORIENTATION = 0x0112  # EXIF tag: how the camera was held
_STRIP = 2**18  # pixels converted at a time


class Unreadable(Exception):
    """An image that cannot be read.

    Args:
        kind: one of the kinds above.
        said: what the reader said.
    """

    def __init__(self, kind: str, said: str = ""):
        super().__init__(kind, said)
        self.kind, self.said = kind, said


def read_image(
    source: str | Path | bytes,
    image_size: tuple[int, int] | None = None,
    name: str = "",
    white: float | None = None,
    max_pixels: int | None = None,
) -> np.ndarray:
    """One image file as uint8 (height, width, 3) RGB.

    The camera's rotation (EXIF) is applied; grey, palette, CMYK and 16-bit images are converted;
    transparent pixels become white; of an animation the first frame is taken.

    Args:
        source: a path, or the bytes of a file.
        image_size: (height, width) to fit: the image is scaled to cover it and the middle is cut out.
        name: what to call the image in errors if `source` is bytes.
        white: the grey value that stands for white in images of more than 8 bits; None means 65,535 for 16 bits.
        max_pixels: that the image may have before it is scaled; None leaves it to Pillow, which allows 89 million.

    Raises:
        DataError: if the file is missing, is not an image that can be read, or is too large for the memory.
    """
    name = name or (str(source) if isinstance(source, str | Path) else "image")
    try:
        image, _ = decode_image(source, image_size, white, max_pixels)
        return np.asarray(image, np.uint8)
    except FileNotFoundError:
        raise DataError(f"There is no file {name}.") from None
    except IsADirectoryError:
        raise DataError(f"{name} is a folder, not an image.") from None
    except PermissionError:
        raise DataError(f"{name} may not be read: permission denied.") from None
    except MemoryError:
        raise DataError(f"{name} {_TOO_MUCH}") from None
    except Unreadable as problem:
        raise DataError(f"{name} {_explain(problem, name)}") from None


def decode_image(
    source: str | Path | bytes,
    image_size: tuple[int, int] | None = None,
    white: float | None = None,
    max_pixels: int | None = None,
):
    """An image file as an upright RGB image of Pillow, and the format that it has: "PNG".

    Args:
        source, image_size, white, max_pixels: as `read_image` takes them.

    Raises:
        Unreadable: if it is no image that can be read.
        OSError: if a path is not there, is a folder or may not be read.
    """
    from PIL import Image, ImageOps

    try:
        if not (len(source) if isinstance(source, bytes) else Path(source).stat().st_size):
            raise Unreadable(EMPTY)
        file = io.BytesIO(source) if isinstance(source, bytes) else source
        with QUIET, Image.open(file, formats=list_readable()) as opened:
            if max_pixels is not None and opened.width * opened.height > max_pixels:
                raise Unreadable(HUGE, f"over {max_pixels:,} pixels")
            if image_size is not None:
                # JPEG can be decoded at 1/2, 1/4 or 1/8: far faster, and from twice the side just as sharp.
                opened.draft(None, (2 * max(image_size), 2 * max(image_size)))
            image, kind = _to_rgb(_upright(opened), white), opened.format or ""
        if image_size is not None:
            image = ImageOps.fit(image, (image_size[1], image_size[0]), Image.Resampling.BILINEAR)
        return image, kind
    except (Unreadable, FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unreadable(HUGE, f"over {Image.MAX_IMAGE_PIXELS:,} pixels") from None
    except MemoryError:
        raise Unreadable(HUGE, NO_MEMORY) from None
    except Exception as error:  # Pillow's decoders raise whatever their format raises
        raise Unreadable(*_find_reason(error, source)) from None


def fit_image(image: "Image", image_size: tuple[int, int] | None, white: float | None = None) -> np.ndarray:
    """A Pillow image as `read_image` gives that of a file: uint8 (height, width, 3) RGB, upright, scaled and cut.

    Args:
        image: of any mode and size.
        image_size, white: as `read_image` takes them.

    Raises:
        DataError: if its file was closed or is damaged.
    """
    from PIL import Image, ImageOps

    try:
        with QUIET:
            rgb = _to_rgb(_upright(image), white)
        if image_size is not None:
            rgb = ImageOps.fit(rgb, image_size[::-1], Image.Resampling.BILINEAR)
        return np.asarray(rgb, np.uint8)
    except MemoryError:
        raise DataError(f"The image {_TOO_MUCH}") from None
    except Exception as error:  # Pillow's decoders raise whatever their format raises
        reason = str(error).split("\n")[0] or type(error).__name__
        raise DataError(f"The image cannot be read ({reason}). Open its file again.") from None


def _explain(problem: Unreadable, name: str) -> str:
    """What is wrong with an image, to stand after its name."""
    if problem.kind == HUGE:
        if problem.said == NO_MEMORY:
            return _TOO_MUCH
        return f"is too large to open safely: {problem.said}. Scale it down first."
    reasons = {EMPTY: "it is empty", TEXT: _NO_FORMAT, UNKNOWN: _NO_FORMAT}
    reason = reasons.get(problem.kind) or problem.said.replace(name, "it")
    advice = find_unread().get(get_suffix(name)) if problem.kind == UNKNOWN else None
    what = f"To read {get_suffix(name)} files: {advice}." if advice else _ALLOWED
    return f"is not an image that can be read ({reason}). {what}"


def _find_reason(error: Exception, source: str | Path | bytes) -> tuple[str, str]:
    """The kind of damage, and what the decoder said of it."""
    said = str(error).split("\n")[0] or type(error).__name__
    if "truncated" in said.lower() or isinstance(error, EOFError):
        return CUT, said
    if "cannot identify" not in said:
        return DAMAGED, said
    head = _read_head(source)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"<") or _is_text(head):
        return TEXT, text[:40].decode("utf-8", "replace").split("\n")[0]
    return UNKNOWN, _NO_FORMAT


def _read_head(source: str | Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source[:_HEAD]
    with open(source, "rb") as file:
        return file.read(_HEAD)


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:  # a letter of several bytes may be cut at the end
        if error.start < len(head) - 4:
            return False
        text = head[: error.start].decode("utf-8")
    return all(character.isprintable() or character in "\t\r\n" for character in text)


class _Quiet:
    """While any thread decodes, Pillow's warnings are silent, but that of a decompression bomb is an error.

    The filters of warnings are the whole process's: the first thread in sets them, the last one out
    restores them, and in between all decode side by side.
    """

    def __init__(self):
        self.lock, self.inside, self.filters = threading.Lock(), 0, warnings.catch_warnings()

    def __enter__(self):
        from PIL import Image

        with self.lock:
            if not self.inside:
                self.filters = warnings.catch_warnings()
                self.filters.__enter__()
                warnings.simplefilter("ignore")
                warnings.simplefilter("error", Image.DecompressionBombWarning)
            self.inside += 1

    def __exit__(self, *_):
        with self.lock:
            self.inside -= 1
            if not self.inside:
                self.filters.__exit__(None, None, None)


QUIET = _Quiet()


def _upright(image):
    """The image as it was seen, by its EXIF orientation; a damaged EXIF block leaves it as it is."""
    from PIL.Image import Transpose

    image.load()
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # the block is free-form bytes, and pixels do not depend on it
        return image
    turn = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(orientation)
    return image if turn is None else image.transpose(turn)


def _to_rgb(image, white: float | None = None):
    """An image of any Pillow mode as RGB."""
    from PIL import Image

    if image.mode in ("F", "I") or image.mode.startswith("I;16"):
        return Image.fromarray(_to_bytes(np.asarray(image), image.mode, white)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        background = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(background, image).convert("RGB")
    return image.convert("RGB")


def _to_bytes(values: np.ndarray, mode: str, white: float | None = None) -> np.ndarray:
    """Grey values of more than 8 bits (h, w) as uint8.

    16-bit files are scaled by their range, whatever they show, so that dark images stay dark. 32-bit whole
    numbers and floats have no range of their own: the smallest of 1 (floats), 255 and 65,535 that holds the
    brightest pixel is taken for it. Some rows at a time, as float64 takes eight times the memory.
    """
    top, grey = white or _top(values, mode), np.empty(values.shape, np.uint8)
    rows = max(1, _STRIP // values.shape[1])
    for start in range(0, len(values), rows):
        strip = np.nan_to_num(values[start : start + rows].astype(np.float64), nan=0.0)
        grey[start : start + rows] = (np.clip(strip / top, 0, 1) * 255).round()
    return grey


def _top(values: np.ndarray, mode: str) -> float:
    """The value that stands for white."""
    if mode.startswith("I;16"):
        return 65535.0
    brightest = np.fmax.reduce(values, axis=None)  # of what is a number
    tops = (1.0, 255.0, 65535.0) if mode == "F" else (255.0, 65535.0)
    return next((top for top in tops if brightest <= top), tops[-1])
