"""Labelled images as arrays, and how one image file becomes an array."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from residual.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


@dataclass(frozen=True)
class Images:
    """Images and their labels.

    Attributes:
        x: uint8 (n, height, width, 3), RGB, 0-255.
        y: int64 (n,), indices into the class names of the data set.
    """

    x: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.y)

    def take(self, indices) -> "Images":
        """The images at `indices`."""
        return Images(self.x[indices], self.y[indices])


@dataclass(frozen=True)
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
    """

    name: str
    train: Images
    test: Images
    classes: tuple[str, ...]
    source: str
    validation: Images | None = None
    made_test: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of every image."""
        return self.train.x.shape[1], self.train.x.shape[2]

    def resized(self, size: int) -> "Dataset":
        """The same data with every image scaled to (size, size)."""
        from dataclasses import replace

        if self.size == (size, size):
            return self
        scaled = {
            part: Images(resize_all(images.x, size), images.y)
            for part in ("train", "test", "validation")
            if (images := getattr(self, part)) is not None
        }
        return replace(self, **scaled)


def checked(x: np.ndarray, y: np.ndarray, classes: int, where: str) -> Images:
    """`Images` of raw arrays, or a DataError that says what does not fit.

    Grey images (n, h, w) or (n, h, w, 1) become RGB; labels may be (n,), (n, 1) or (1, n).
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim == 3:
        x = x[..., None]
    if x.ndim != 4 or x.shape[-1] not in (1, 3, 4):
        raise DataError(f"{where}: images must be (n, height, width, 1, 3 or 4), got shape {x.shape}.")
    if x.dtype != np.uint8:
        raise DataError(f"{where}: images must be uint8 from 0 to 255, got {x.dtype}. Convert them first.")
    if y.size != len(x) or not np.issubdtype(y.dtype, np.integer):
        raise DataError(f"{where}: {len(x)} images need as many whole-number labels; got {y.dtype} {y.shape}.")
    if len(x) == 0:
        raise DataError(f"{where}: there are no images.")
    y = y.reshape(-1).astype(np.int64)
    if y.min() < 0 or y.max() >= classes:
        raise DataError(f"{where}: labels must be 0 to {classes - 1}, got {y.min()} to {y.max()}.")
    x = np.repeat(x, 3, axis=-1) if x.shape[-1] == 1 else x[..., :3]
    return Images(x, y)


def read_image(source: str | Path | bytes, size: tuple[int, int] | None = None, name: str = "") -> np.ndarray:
    """One image file as uint8 (height, width, 3) RGB.

    The camera's rotation (EXIF) is applied; grey, palette, CMYK and 16-bit images are converted;
    transparent pixels become white; of an animation the first frame is taken.

    Args:
        source: a path, or the bytes of a file.
        size: (height, width) to fit: the image is scaled to cover it and the middle is cut out.
        name: what to call the image in errors where `source` is bytes.

    Raises:
        DataError: when the file is missing or is not an image that can be read.
    """
    from PIL import Image, ImageOps

    name = name or (str(source) if isinstance(source, str | Path) else "image")
    try:
        opened = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
        image = _to_rgb(ImageOps.exif_transpose(opened))
    except FileNotFoundError:
        raise DataError(f"There is no file {name}.") from None
    except IsADirectoryError:
        raise DataError(f"{name} is a folder, not an image.") from None
    except PermissionError:
        raise DataError(f"{name} may not be read: permission denied.") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(f"{name} is too large to open safely (over {Image.MAX_IMAGE_PIXELS:,} pixels).") from None
    except Exception as error:  # Pillow's decoders raise whatever their format raises
        raise DataError(
            f"{name} is not an image that can be read ({_reason(error, name)}). Allowed: PNG, JPEG, WebP, GIF, "
            "BMP and TIFF files."
        ) from None
    if size is not None:
        image = ImageOps.fit(image, (size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(image, np.uint8)


def _reason(error: Exception, name: str) -> str:
    """Pillow's message in a few words, without the path that stands before it already."""
    text = str(error).split("\n")[0]
    return "its content is no known image format" if "cannot identify" in text else text.replace(name, "it")


def _to_rgb(image):
    """An image of any Pillow mode as RGB."""
    from PIL import Image

    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        values = np.asarray(image, np.float64)
        top = 65535.0 if values.max() > 255 else 255.0
        return Image.fromarray((np.clip(values / top, 0, 1) * 255).round().astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        background = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(background, image).convert("RGB")
    return image.convert("RGB")


def resize_all(x: np.ndarray, size: int) -> np.ndarray:
    """Every image of uint8 (n, h, w, 3) scaled and cut to (size, size)."""
    from PIL import Image, ImageOps

    fit = (size, size)
    return np.stack(
        [np.asarray(ImageOps.fit(Image.fromarray(image), fit, Image.Resampling.BILINEAR)) for image in x]
    )
