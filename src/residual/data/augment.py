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
        rotate: degrees, drawn from -rotate to rotate.
        shift: share of height and width, drawn from -shift to shift; a pair (height, width) sets them apart.
        scale: share, the size is multiplied by 1 - scale to 1 + scale.
    """

    rotate: float = 0.0
    shift: float | tuple[float, float] = 0.0
    scale: float = 0.0
    kind = "affine"

    def __post_init__(self):
        if isinstance(self.shift, list):  # as TOML reads a pair
            object.__setattr__(self, "shift", tuple(self.shift))

    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        n, height, width, _ = x.shape
        angle = np.deg2rad(rng.uniform(-self.rotate, self.rotate, (n, 1, 1)))
        zoom = rng.uniform(1 - self.scale, 1 + self.scale, (n, 1, 1))
        vertical, horizontal = self.shift if isinstance(self.shift, tuple) else (self.shift, self.shift)
        down = rng.uniform(-vertical, vertical, (n, 1, 1)) * height
        right = rng.uniform(-horizontal, horizontal, (n, 1, 1)) * width
        row = np.arange(height)[None, :, None] - (height - 1) / 2
        column = np.arange(width)[None, None, :] - (width - 1) / 2
        cos, sin = np.cos(angle) / zoom, np.sin(angle) / zoom
        from_row = cos * (row - down) + sin * (column - right) + (height - 1) / 2
        from_column = cos * (column - right) - sin * (row - down) + (width - 1) / 2
        return _bilinear(x, from_row.astype(np.float32), from_column.astype(np.float32))


def _bilinear(x: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """x (n, h, w, c) read at fractional positions (n, h, w), clamped to the image."""
    n, height, width, channels = x.shape
    row, column = np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)
    top, left = np.minimum(row.astype(np.int32), height - 2), np.minimum(column.astype(np.int32), width - 2)
    down, right = (row - top)[..., None], (column - left)[..., None]
    flat = x.reshape(n * height * width, channels)
    corner = (np.arange(n, dtype=np.int32)[:, None, None] * height + top) * width + left
    upper = flat[corner] * (1 - right) + flat[corner + 1] * right
    lower = flat[corner + width] * (1 - right) + flat[corner + width + 1] * right
    return _as(x.dtype, upper * (1 - down) + lower * down)


def _as(dtype: np.dtype, values: np.ndarray) -> np.ndarray:
    """`values` as `dtype`, rounded where it holds whole numbers only."""
    return values.astype(dtype) if np.issubdtype(dtype, np.floating) else values.round().astype(dtype)


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
    values = dict(table)
    kind = values.pop("kind", None)
    if kind not in KINDS:
        raise RecipeError(f"augment: kind must be one of {', '.join(KINDS)}; got {kind!r}.")
    allowed = [field.name for field in fields(KINDS[kind])]
    unknown = sorted(set(values) - set(allowed))
    if unknown:
        raise RecipeError(
            f"augment {kind}: has {', '.join(allowed) or 'no values'}, not {', '.join(unknown)}."
        )
    return KINDS[kind](**values)
