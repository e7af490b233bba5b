"""Augmentations: small values that change a batch of training images at random.

Each is a frozen dataclass called with images (n, height, width, channels) and a NumPy generator, and
returns images of the same shape and type. Images are uint8 from 0 to 255, or floats on any scale, such as
those with a mean image taken away. All are vectorised over the batch.
"""

from dataclasses import asdict, dataclass, fields

import numpy as np

from residual.errors import RecipeError


@dataclass(frozen=True)
class Flip:
    """Mirror left and right, half of the images."""

    kind = "flip"

    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        out = x.copy()
        mirrored = rng.random(len(x)) < 0.5
        out[mirrored] = x[mirrored, :, ::-1]
        return out


@dataclass(frozen=True)
class Shift:
    """Move by up to `pixels` up, down, left and right ("pad and crop").

    Attributes:
        pixels: the farthest move.
        fill: what comes in at the border: "edge" repeats the last pixels, "zero" is black.
    """

    pixels: int = 4
    fill: str = "edge"
    kind = "shift"

    def __post_init__(self):
        if not isinstance(self.pixels, int) or self.pixels < 0:
            raise RecipeError(f"augment shift: pixels must be a whole number from 0; got {self.pixels!r}.")
        if self.fill not in ("edge", "zero"):
            raise RecipeError(f"augment shift: fill must be edge or zero; got {self.fill!r}.")

    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        n, height, width, _ = x.shape
        mode = "edge" if self.fill == "edge" else "constant"
        pad = (self.pixels, self.pixels)
        padded = np.pad(x, ((0, 0), pad, pad, (0, 0)), mode=mode)
        top, left = rng.integers(0, 2 * self.pixels + 1, (2, n))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), (1, 2))
        return np.ascontiguousarray(np.moveaxis(windows[np.arange(n), top, left], 1, -1))


@dataclass(frozen=True)
class Light:
    """Brightness and contrast changed by up to these shares; uint8 images saturate, floats do not.

    Attributes:
        brightness: 0.2 multiplies by 0.8 to 1.2.
        contrast: 0.2 stretches about the image's mean by 0.8 to 1.2.
    """

    brightness: float = 0.2
    contrast: float = 0.0
    kind = "light"

    def __post_init__(self):
        _check_range(self, "brightness", 1)
        _check_range(self, "contrast", 1)

    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        shape = (len(x), 1, 1, 1)
        gain = rng.uniform(1 - self.brightness, 1 + self.brightness, shape).astype(np.float32)
        stretch = rng.uniform(1 - self.contrast, 1 + self.contrast, shape).astype(np.float32)
        mean = x.mean((1, 2, 3), keepdims=True, dtype=np.float32)
        out = (x - mean) * (stretch * gain) + mean * gain
        return _as(x.dtype, np.clip(out, 0, 255) if x.dtype == np.uint8 else out)


@dataclass(frozen=True)
class Affine:
    """Rotate, shift and scale, reading between pixels and repeating the border ("nearest" fill).

    With rotate=20 and shift=0.2 this is the augmentation of the CIFAR-10 notebook.

    Attributes:
        rotate: degrees, drawn from -rotate to rotate; positive ones turn counter-clockwise.
        shift: share of height and width, drawn from -shift to shift; a pair (height, width) sets them apart.
        scale: share below 1, the size is multiplied by 1 - scale to 1 + scale.
    """

    rotate: float = 0.0
    shift: float | tuple[float, float] = 0.0
    scale: float = 0.0
    kind = "affine"

    def __post_init__(self):
        if isinstance(self.shift, list):  # as TOML reads a pair
            object.__setattr__(self, "shift", tuple(self.shift))
        _check_range(self, "rotate", 360)
        _check_range(self, "scale", 0.99)
        shift = self._shift()
        if len(shift) != 2 or not all(
            isinstance(share, int | float | np.floating) and 0 <= share < np.inf for share in shift
        ):
            raise RecipeError(f"augment affine: shift must be a number from 0 or two; got {self.shift!r}.")

    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        n, height, width, _ = x.shape
        vertical, horizontal = self._shift()
        reach = np.array([np.deg2rad(self.rotate), self.scale, vertical * height, horizontal * width])
        drawn = rng.uniform(-1, 1, (4, n, 1, 1)) * reach[:, None, None, None]
        angle, stretch, down, right = drawn.astype(np.float32)
        row = np.arange(height, dtype=np.float32)[None, :, None] - (height - 1) / 2 - down
        column = np.arange(width, dtype=np.float32)[None, None, :] - (width - 1) / 2 - right
        cos, sin = np.cos(angle) / (1 + stretch), np.sin(angle) / (1 + stretch)
        return _bilinear(
            x,
            cos * row + sin * column + (height - 1) / 2,
            cos * column - sin * row + (width - 1) / 2,
        )

    def _shift(self) -> tuple:
        return self.shift if isinstance(self.shift, tuple) else (self.shift, self.shift)


def _bilinear(x: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """x (n, h, w, c) read at fractional positions, float32 (n, h, w), clamped to the image."""
    n, height, width, channels = x.shape
    row, column = np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)
    top, left = row.astype(np.int32), column.astype(np.int32)
    # Whole numbers would promote the weights, and all arithmetic after them, to float64.
    down, right = row - top.astype(np.float32), column - left.astype(np.float32)
    bottom, beside = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    first = np.arange(n, dtype=np.int32)[:, None, None] * height
    upper, lower = (first + top) * width, (first + bottom) * width
    corners = upper + left, upper + beside, lower + left, lower + beside
    out = np.empty_like(x)
    for channel in range(channels):  # plane by plane: `take` of single values is several times faster
        plane = x[..., channel].astype(np.float32).ravel()
        a, b, c, d = (plane.take(corner) for corner in corners)
        a += (b - a) * right
        c += (d - c) * right
        a += (c - a) * down
        out[..., channel] = _as(x.dtype, a)
    return out


def _as(dtype: np.dtype, values: np.ndarray) -> np.ndarray:
    """`values` as `dtype`, rounded where it holds whole numbers only."""
    return values.astype(dtype) if np.issubdtype(dtype, np.floating) else values.round().astype(dtype)


def _check_range(augmentation, name: str, most: float) -> None:
    value = getattr(augmentation, name)
    if not isinstance(value, int | float | np.floating) or not 0 <= value <= most:
        raise RecipeError(f"augment {augmentation.kind}: {name} must be 0 to {most}; got {value!r}.")


Augmentation = Flip | Shift | Light | Affine
KINDS: dict[str, type] = {kind.kind: kind for kind in (Flip, Shift, Light, Affine)}


def to_table(augmentation: Augmentation) -> dict:
    """As a TOML table: its kind and its values."""
    return {"kind": augmentation.kind, **asdict(augmentation)}


def from_table(table: dict) -> Augmentation:
    """The augmentation that `to_table` wrote.

    Raises:
        RecipeError: for an unknown kind or value, naming those allowed.
    """
    if not isinstance(table, dict):
        raise RecipeError(f'augment: must be a table such as {{kind = "flip"}}; got {table!r}.')
    values = dict(table)
    kind = values.pop("kind", None)
    if not isinstance(kind, str) or kind not in KINDS:
        raise RecipeError(f"augment: kind must be one of {', '.join(KINDS)}; got {kind!r}.")
    allowed = [field.name for field in fields(KINDS[kind])]
    unknown = sorted(set(values) - set(allowed))
    if unknown:
        raise RecipeError(
            f"augment {kind}: has {', '.join(allowed) or 'no values'}, not {', '.join(unknown)}."
        )
    return KINDS[kind](**values)
