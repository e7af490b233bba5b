"""How trained weights expect a photo: scaled, cut and normalized as the library did that trained them."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from msgspec import Meta, structs

from residual._checked import Checked, Count, read_table
from residual.errors import ResidualError, RunError

if TYPE_CHECKING:
    from PIL.Image import Image

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]


class Preprocessing(Checked, frozen=True):
    """From a photo to the numbers that a network computes with.

    The photo is scaled and its middle is cut out, both here. Mean, standard deviation and channel order are the
    first layer of the network (`residual.importers.preprocessing.make_pixel_layer`), so that it takes raw RGB.

    Attributes:
        height, width: pixels that the network takes: the size of the cut.
        resize: "shorter-side" scales the shorter side to `resize_to` and keeps the shape of the photo; "exact"
            scales both sides to (height, width); "cover" cuts the middle to the shape of (height, width) first;
            "squash" scales both sides to `resize_to`, whatever the shape of the photo.
        resize_to: pixels of the shorter side, or of both, before the cut.
        crop_fraction: `height` divided by `resize_to`, as the library states it: 0.875 for 224 of 256.
        interpolation: of the scaling.
        antialias: whether scaling down averages over all pixels, as Pillow always does.
        crop_rounding: how the corner of a cut with an odd margin is rounded: "even" as torchvision and timm, "down"
            as transformers.
        mean, std: subtracted and divided by, in units of raw pixels (0 to 255), one for each channel in the order
            of `channels`.
        channels: the order in which the weights expect the colours.
        source: where these values come from, in words.

    Raises:
        RunError: a field of another type or out of its range.
    """

    error: ClassVar[type[ResidualError]] = RunError

    height: Count = 224
    width: Count = 224
    resize: Literal["shorter-side", "exact", "cover", "squash"] = "shorter-side"
    resize_to: Count = 256
    crop_fraction: Annotated[float, Meta(gt=0, le=2)] = 0.875
    interpolation: Interpolation = "bilinear"
    antialias: bool = True
    crop_rounding: Literal["even", "down"] = "even"
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    channels: Literal["rgb", "bgr"] = "rgb"
    source: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("mean", "std"):
            values = getattr(self, name)
            if len(values) != 3 or not np.isfinite(values).all() or (name == "std" and min(values) <= 0):
                positive = "positive " if name == "std" else ""
                self.refuse(name, f"three {positive}numbers, one for each channel", list(values))

    def describe_kind(self) -> str:
        return "preprocessing"

    def describe_scaling(self) -> str:
        """How a photo is scaled and cut, in words."""
        cut = f"{self.width}x{self.height}"
        scaled = {
            "shorter-side": f"shorter side to {self.resize_to}, middle {cut}",
            "exact": f"scaled to {cut}",
            "cover": f"scaled to cover {cut}, middle cut out",
            "squash": f"scaled to {self.resize_to}x{self.resize_to}, middle {cut}",
        }[self.resize]
        plain = "" if self.antialias else " without antialiasing"
        return f"{scaled}, {self.interpolation}{plain}"

    def __str__(self) -> str:
        """Scaling, cut and normalization in one line."""
        values = ["/".join(f"{value:g}" for value in pair) for pair in (self.mean, self.std)]
        normalized = f"{self.channels.upper()}, mean {values[0]}, std {values[1]}"
        return f"{self.describe_scaling()}; {normalized}"

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON holds them."""
        return structs.asdict(self)

    @classmethod
    def from_dict(cls, table: Any) -> "Preprocessing":
        """The value of a table that `to_dict` made, also after JSON has turned its tuples into lists.

        Raises:
            RunError: a field that is unknown or out of its range.
        """
        return read_table(cls, table, "preprocessing")

    def at_size(self, side: int) -> "Preprocessing":
        """The same for a network that takes `side` x `side` pixels: the fraction that is cut away stays."""
        if (side, side) == (self.height, self.width):
            return self
        resize_to = int(side / self.crop_fraction)
        return structs.replace(self, height=side, width=side, resize_to=resize_to)


def prepare_image(image: "Image", preprocessing: Preprocessing) -> np.ndarray:
    """The pixels of a photo that a network takes: (height, width, 3) RGB, 0 to 255, not normalized.

    Args:
        image: of Pillow, RGB and upright.
        preprocessing: what the network's weights expect.

    Returns:
        uint8, or float32 if `preprocessing` scales without antialiasing: such libraries scale floats.
    """
    p = preprocessing
    if p.resize == "cover":
        image = _crop(image, _find_cover(image.size, (p.width, p.height)), "down")
    if p.resize in ("shorter-side", "squash"):
        square = (p.resize_to, p.resize_to)
        pixels = _scale(image, square if p.resize == "squash" else _find_size(image.size, p.resize_to), p)
        return _crop_array(pixels, (p.width, p.height), p.crop_rounding)
    return _scale(image, (p.width, p.height), p)


def _find_size(size: tuple[int, int], shorter_side: int) -> tuple[int, int]:
    """(width, height) with that shorter side; the longer one is rounded down, as torchvision does."""
    width, height = size
    if width <= height:
        return shorter_side, int(shorter_side * height / width)
    return int(shorter_side * width / height), shorter_side


def _find_cover(size: tuple[int, int], shape: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of the largest part of `size` with the proportions of `shape`."""
    width = min(size[0], int(size[1] * shape[0] / shape[1]))
    return width, min(size[1], int(size[0] * shape[1] / shape[0]))


def _find_corner(margin: int, rounding: str) -> int:
    return margin // 2 if rounding == "down" else round(margin / 2)


def _crop(image: "Image", size: tuple[int, int], rounding: str) -> "Image":
    left, top = (_find_corner(a - b, rounding) for a, b in zip(image.size, size, strict=True))
    return image.crop((left, top, left + size[0], top + size[1]))


def _crop_array(pixels: np.ndarray, size: tuple[int, int], rounding: str) -> np.ndarray:
    """The middle of an image; zeros (black) around one that is smaller, as torchvision pads it."""
    short = [max(want - have, 0) for want, have in zip(size[::-1], pixels.shape, strict=False)]
    if any(short):
        pixels = np.pad(pixels, [(missing // 2, (missing + 1) // 2) for missing in short] + [(0, 0)])
    top, left = (
        _find_corner(have - want, rounding) for want, have in zip(size[::-1], pixels.shape, strict=False)
    )
    return pixels[top : top + size[1], left : left + size[0]]


def _scale(image: "Image", size: tuple[int, int], p: Preprocessing) -> np.ndarray:
    from PIL import Image

    if not p.antialias and p.interpolation == "bicubic":
        return _scale_bicubic(np.asarray(image), size)
    if not p.antialias and p.interpolation in ("bilinear", "nearest"):
        return _scale_plainly(np.asarray(image), size, p.interpolation)
    return np.asarray(image.resize(size, getattr(Image.Resampling, p.interpolation.upper())))


def _scale_plainly(pixels: np.ndarray, size: tuple[int, int], interpolation: str) -> np.ndarray:
    """Bilinear or nearest scaling of tensors, as TensorFlow does it without antialiasing: float32."""
    pixels = pixels.astype(np.float32)
    for axis, want in ((0, size[1]), (1, size[0])):
        have = pixels.shape[axis]
        centers = (np.arange(want) + 0.5) * (have / want)
        if interpolation == "nearest":
            pixels = np.take(pixels, np.minimum(centers.astype(int), have - 1), axis)
            continue
        places = np.clip(centers - 0.5, 0, have - 1)
        below = places.astype(int)
        above = np.minimum(below + 1, have - 1)
        share = (places - below).astype(np.float32).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        pixels = np.take(pixels, below, axis) * (1 - share) + np.take(pixels, above, axis) * share
    return pixels


def _scale_bicubic(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bicubic scaling of tensors, as TensorFlow does it without antialiasing: float32.

    Of four pixels around each place, weighted by Keys's kernel (a = -0.5); those beyond the border do not count.
    Places are rounded to 1/1024 of a pixel, as in TensorFlow's table of the kernel.
    """
    pixels = pixels.astype(np.float32)
    for axis, want in ((0, size[1]), (1, size[0])):
        have = pixels.shape[axis]
        places = (np.arange(want) + 0.5) * (have / want) - 0.5
        below = np.floor(places)
        places = below + np.rint((places - below) * 1024) / 1024
        taps = below.astype(int)[:, None] + np.arange(-1, 3)
        d = np.abs(places[:, None] - taps)
        weights = np.where(d <= 1, (1.5 * d - 2.5) * d * d + 1, ((-0.5 * d + 2.5) * d - 4) * d + 2)
        weights *= (taps >= 0) & (taps < have)
        weights /= weights.sum(1, keepdims=True)
        shape = (-1, 1, 1) if axis == 0 else (1, -1, 1)
        parts = [
            np.take(pixels, np.clip(taps[:, i], 0, have - 1), axis) * weights[:, i].reshape(shape)
            for i in range(4)
        ]
        pixels = np.asarray(np.sum(parts, axis=0), np.float32)
    return pixels
