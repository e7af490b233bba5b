"""Where a network looked in one image, as a value and as a picture."""

import base64
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from residual._atomic import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DOTS_PER_INCH = 120
_COLOURS = "magma"  # even steps of lightness, so that it can be read without colours


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """The heat map of one image.

    Attributes:
        image: the file, or "image 0", "image 1", ... for one that lay in memory.
        label: the class that the map is about.
        probability: that the network gives it, 0 to 1.
        method: a key of `maps.METHODS`.
        layer: whose maps were used; "" of methods that use none.
        pixels: uint8 (height, width, 3), as the network saw it.
        heat: float32 (height, width), 0 to 1: how much each place speaks for the label.
        control: the same of the network with shuffled weights.
        control_correlation: rank correlation of both; near 1 the map shows the image and not what was learned.
    """

    image: str
    label: str
    probability: float
    method: str
    layer: str
    pixels: np.ndarray
    heat: np.ndarray
    control: np.ndarray
    control_correlation: float

    def __repr__(self) -> str:
        return f"Explanation({self.image!r}: {self.label} {self.probability:.1%}, {self.method})"

    def _repr_png_(self) -> bytes:
        return self.to_png()

    @property
    def peak(self) -> tuple[float, float]:
        """Where the map is highest: (x, y) from the top left corner, 0 to 1 each."""
        row, column = np.unravel_index(int(self.heat.argmax()), self.heat.shape)
        height, width = self.heat.shape
        return (float(column) + 0.5) / width, (float(row) + 0.5) / height

    def to_dict(self) -> dict[str, Any]:
        """For JSON; without the maps."""
        return {
            "image": self.image,
            "label": self.label,
            "probability": self.probability,
            "method": self.method,
            "layer": self.layer,
            "peak": list(self.peak),
            "control_correlation": self.control_correlation,
        }

    def make_overlay(self, *, control: bool = False) -> np.ndarray:
        """The heat map over the image: uint8 (height, width, 3).

        Args:
            control: take the map of the shuffled weights.
        """
        return blend(self.pixels, self.control if control else self.heat)

    def to_png(self) -> bytes:
        """The picture that `save_png` writes."""
        buffer = BytesIO()
        _draw(self).savefig(buffer, format="png", dpi=_DOTS_PER_INCH)
        return buffer.getvalue()

    def to_data_uri(self) -> str:
        """The overlay alone as a data URI, for a page without other files."""
        from PIL import Image

        buffer = BytesIO()
        Image.fromarray(self.make_overlay()).save(buffer, "PNG")
        return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()

    def save_png(self, path: str | os.PathLike[str]) -> None:
        """Draw image, heat map and control side by side.

        Args:
            path: the PNG file; replaced if it is there.

        Raises:
            OSError: if it cannot be written.
        """
        write_bytes(path, self.to_png())


class ExplanationList(list[Explanation]):
    """Explanations in the order of the images. A notebook shows their pictures below each other.

    Attributes:
        files: the PNG file of each; empty if none was asked for.
        errors: why other images could not be read.
    """

    def __init__(
        self, explanations: Iterable[Explanation], files: Sequence[Path] = (), errors: Sequence[str] = ()
    ):
        super().__init__(explanations)
        self.files, self.errors = list(files), list(errors)

    def save(self) -> None:
        """Write the picture of each explanation to its file.

        Raises:
            OSError: if one cannot be written.
        """
        for explanation, file in zip(self, self.files, strict=False):
            explanation.save_png(file)

    def _repr_html_(self) -> str:
        pictures = (base64.b64encode(explanation.to_png()).decode() for explanation in self)
        return "\n".join(f'<img alt="" src="data:image/png;base64,{picture}">' for picture in pictures)


def blend(pixels: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A heat map over the grey image: uint8 (height, width, 3).

    Args:
        pixels: uint8 (height, width, 3).
        heat: (height, width), 0 to 1.
    """
    from matplotlib import colormaps

    grey = pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    colours = colormaps[_COLOURS](heat)[..., :3] * 255
    share = 0.25 + 0.6 * heat[..., None]
    return (grey[..., None] * (1 - share) + colours * share).clip(0, 255).astype(np.uint8)


def normalize_heat(maps: np.ndarray) -> np.ndarray:
    """Maps from 0 to 1 each; 1 is the 99.5th percentile, so that one pixel does not darken all others.

    Args:
        maps: (n, height, width), from 0.
    """
    tops = np.quantile(maps, 0.995, axis=(1, 2), keepdims=True)
    return (maps / np.maximum(tops, 1e-12)).clip(0, 1).astype(np.float32)


def _draw(one: Explanation) -> "Figure":
    from matplotlib.figure import Figure

    from residual._fonts import choose_fonts
    from residual._text import truncate_middle

    figure = Figure(figsize=(8.4, 3.35), layout="constrained")
    panels = figure.subplots(1, 3)
    label = truncate_middle(one.label, 28)
    fonts, _ = choose_fonts([label, one.image])
    method = f"{one.method}, {one.layer}" if one.layer else one.method
    shown = (
        (one.pixels, truncate_middle(os.path.basename(one.image), 34)),
        (one.make_overlay(), f"speaks for {label} ({one.probability:.1%})\n{truncate_middle(method, 42)}"),
        (
            one.make_overlay(control=True),
            f"control: weights shuffled\ncorrelation {one.control_correlation:.2f}",
        ),
    )
    for axes, (picture, title) in zip(panels, shown, strict=True):
        axes.imshow(picture, interpolation="nearest")
        axes.set_title(title, fontsize=9, parse_math=False, fontfamily=fonts)
        axes.set_axis_off()
    return figure
