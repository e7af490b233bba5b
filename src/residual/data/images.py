"""Labelled images as arrays, and how one image file becomes an array."""

import hashlib
import io
import threading
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from residual.data.pixel_store import Pixels, PixelStore, allocate, pieces
from residual.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
# Pillow knows many more formats; some of them start other programs (EPS), so only these are tried.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
_ORIENTATION = 0x0112  # EXIF tag: how the camera was held
_STRIP = 2**18  # pixels converted at a time


@dataclass(frozen=True, eq=False)
class Images:
    """Images and their labels.

    Attributes:
        x: uint8 (n, height, width, 3), RGB, 0-255: an array, or where they are many a `PixelStore` on disk, of
            which x[indices] reads those asked for.
        y: int64 (n,), indices into the class names of the data set.
    """

    x: Pixels
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.y)

    def fingerprint(self) -> str:
        """A short hash of pixels and labels: two sets with the same one are the same images in the same order."""
        digest = hashlib.sha256()
        for piece in pieces(self.x):
            digest.update(np.ascontiguousarray(piece))
        digest.update(np.ascontiguousarray(self.y))
        return digest.hexdigest()[:16]

    def take(self, indices) -> "Images":
        """The images at `indices`; of those on disk no pixel is read."""
        x = self.x.only(indices) if isinstance(self.x, PixelStore) else self.x[indices]
        return Images(x, self.y[indices])

    def and_also(self, other: "Images") -> "Images":
        """These images and then those of `other`, which were taken from the same set."""
        if isinstance(self.x, PixelStore) and isinstance(other.x, PixelStore):
            x = self.x.and_also(other.x)
        else:
            x = np.concatenate([self.x, other.x])
        return Images(x, np.concatenate([self.y, other.y]))


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images to learn from and images to be judged by.

    Attributes:
        name: short name, used in the names of runs.
        train: images for training; the validation split is taken from them where `validation` is None.
        test: images that only evaluation reads.
        classes: class names; label i means classes[i].
        source: one sentence on where the images come from, shown to the user and kept in the run.
        validation: validation images, where the source has them apart.
        made_test: whether the source had no test images, so that a part of its images was set aside.
        groups: int (n,) of the training images, equal for those that must stay in one part; None where the
            source says nothing of the kind.
        unreadable: why each image file that was skipped could not be read.
    """

    name: str
    train: Images
    test: Images
    classes: tuple[str, ...]
    source: str
    validation: Images | None = None
    made_test: bool = False
    groups: np.ndarray | None = None
    unreadable: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of every image."""
        return self.train.x.shape[1], self.train.x.shape[2]

    def resized(self, size: int) -> "Dataset":
        """The same data with every image scaled to (size, size)."""
        if self.size == (size, size):
            return self
        scaled = {
            part: Images(resize_all(images.x, size), images.y)
            for part in ("train", "test", "validation")
            if (images := getattr(self, part)) is not None
        }
        return replace(self, **scaled)


def read_image(source: str | Path | bytes, size: tuple[int, int] | None = None, name: str = "") -> np.ndarray:
    """One image file as uint8 (height, width, 3) RGB.

    The camera's rotation (EXIF) is applied; grey, palette, CMYK and 16-bit images are converted;
    transparent pixels become white; of an animation the first frame is taken.

    Args:
        source: a path, or the bytes of a file.
        size: (height, width) to fit: the image is scaled to cover it and the middle is cut out.
        name: what to call the image in errors where `source` is bytes.

    Raises:
        DataError: when the file is missing, is not an image that can be read, or is too large for the memory.
    """
    from PIL import Image, ImageOps

    name = name or (str(source) if isinstance(source, str | Path) else "image")
    try:
        image = _decode(source, size)
        if size is not None:
            image = ImageOps.fit(image, (size[1], size[0]), Image.Resampling.BILINEAR)
        return np.asarray(image, np.uint8)
    except FileNotFoundError:
        raise DataError(f"There is no file {name}.") from None
    except IsADirectoryError:
        raise DataError(f"{name} is a folder, not an image.") from None
    except PermissionError:
        raise DataError(f"{name} may not be read: permission denied.") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(
            f"{name} is too large to open safely: over {Image.MAX_IMAGE_PIXELS:,} pixels. "
            "Scale it down first."
        ) from None
    except MemoryError:
        raise DataError(f"{name} needs more memory than there is to decode. Scale it down first.") from None
    except Exception as error:  # Pillow's decoders raise whatever their format raises
        raise DataError(
            f"{name} is not an image that can be read ({_reason(error, name)}). "
            "Allowed: PNG, JPEG, WebP, GIF, BMP and TIFF files."
        ) from None


def _decode(source: str | Path | bytes, size: tuple[int, int] | None):
    """The pixels of a file as an upright RGB image of Pillow, not yet scaled."""
    from PIL import Image

    if not (len(source) if isinstance(source, bytes) else Path(source).stat().st_size):
        raise ValueError("it is empty")
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    with QUIET, Image.open(file, formats=FORMATS) as opened:
        if size is not None:
            # JPEG can be decoded at 1/2, 1/4 or 1/8: far faster, and from twice the side just as sharp.
            opened.draft(None, (2 * max(size), 2 * max(size)))
        return to_upright_rgb(opened)


def to_upright_rgb(opened):
    """An open image of Pillow, decoded: turned as it was seen, RGB, transparent pixels white."""
    return _to_rgb(_upright(opened))


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


def _reason(error: Exception, name: str) -> str:
    """Pillow's message in a few words, without the path that stands before it already."""
    text = str(error).split("\n")[0] or type(error).__name__
    return "its content is no known image format" if "cannot identify" in text else text.replace(name, "it")


def _to_rgb(image):
    """An image of any Pillow mode as RGB."""
    from PIL import Image

    if image.mode in ("F", "I") or image.mode.startswith("I;16"):
        return Image.fromarray(_to_bytes(np.asarray(image), image.mode)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        background = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(background, image).convert("RGB")
    return image.convert("RGB")


def _to_bytes(values: np.ndarray, mode: str) -> np.ndarray:
    """Grey values of more than 8 bits (h, w) as uint8.

    16-bit files are scaled by their range, whatever they show, so that dark images stay dark. 32-bit whole
    numbers and floats have no range of their own: the smallest of 1 (floats), 255 and 65,535 that holds the
    brightest pixel is taken for it. Some rows at a time, as float64 takes eight times the memory.
    """
    top, grey = _top(values, mode), np.empty(values.shape, np.uint8)
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


def resize_all(x: Pixels, size: int) -> Pixels:
    """Every image of uint8 (n, h, w, 3) scaled and cut to (size, size)."""
    from PIL import Image, ImageOps

    scaled = allocate(len(x), (size, size, 3), "the scaled images")
    for i in range(len(x)):
        image = ImageOps.fit(Image.fromarray(x[i]), (size, size), Image.Resampling.BILINEAR)
        scaled[i] = np.asarray(image)
    return scaled
