"""What surrounds the drawn hand: the wall behind it, its shadow, and the camera that took the picture."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter


def _resize(array: np.ndarray, size: int) -> np.ndarray:
    """A float array (h, w) stretched smoothly to (size, size)."""
    image = Image.fromarray(array.astype(np.float32))
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC))


def _coordinates(size: int, rng: np.random.Generator) -> np.ndarray:
    """A ramp (size, size) through the picture at a random angle, -1 to 1 or a little less."""
    a = rng.uniform(0, 2 * np.pi)
    ys, xs = np.mgrid[0:size, 0:size].astype(np.float32) / (size - 1) * 2 - 1
    return (xs * np.cos(a) + ys * np.sin(a)) / 1.42


def _plain(size: int, rng: np.random.Generator) -> np.ndarray:
    return np.zeros((size, size), np.float32)


def _clouds(size: int, rng: np.random.Generator) -> np.ndarray:
    """Plaster or cloth: smooth noise on two scales."""
    coarse, fine = rng.normal(0, 1, (5, 5)), rng.normal(0, 1, (16, 16))
    return 0.09 * _resize(coarse, size) + 0.035 * _resize(fine, size)


def _stripes(size: int, rng: np.random.Generator) -> np.ndarray:
    wave = np.sin(_coordinates(size, rng) * rng.uniform(8, 28) + rng.uniform(0, 6.3))
    return rng.uniform(0.04, 0.13) * np.clip(wave * 3, -1, 1)


def _checks(size: int, rng: np.random.Generator) -> np.ndarray:
    frequency = rng.uniform(7, 16)
    wave = np.sin(_coordinates(size, rng) * frequency) * np.sin(_coordinates(size, rng) * frequency)
    return rng.uniform(0.04, 0.11) * np.clip(wave * 4, -1, 1)


def _grain(size: int, rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(0.03, 0.06) * rng.normal(0, 1, (size, size))


def _corner(size: int, rng: np.random.Generator) -> np.ndarray:
    """Two planes that meet: a wall and a table, a door frame."""
    edge = _coordinates(size, rng) - rng.uniform(-0.5, 0.5)
    return rng.uniform(0.08, 0.2) * np.clip(edge * size / 4, -1, 1)


TEXTURES = (_plain, _plain, _plain, _clouds, _clouds, _stripes, _checks, _grain, _corner)


def wall_colour(skin: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A muted RGB colour far enough from the skin's that the hand can be seen."""
    while True:
        grey = 0.1 + 0.85 * np.sqrt(rng.random())  # walls are bright more often than not
        colour = np.clip(grey + rng.normal(0, rng.choice([0.02, 0.08]), 3), 0.04, 0.98)
        if np.abs(colour - skin).mean() > 0.22:
            return colour


def draw_wall(skin: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """A background (size, size, 3) in 0..1: a colour, a fall of light, a texture and sometimes clutter."""
    colour = wall_colour(skin, rng)
    texture = TEXTURES[rng.integers(len(TEXTURES))](size, rng)
    light = 1 + rng.uniform(0.0, 0.28) * _coordinates(size, rng)
    tint = 1 + rng.normal(0, 0.15, 3)
    wall = (colour + texture[..., None] * tint) * light[..., None]
    if rng.random() < 0.3:
        wall = _clutter(np.clip(wall, 0, 1), skin, rng)
    return wall


def _clutter(wall: np.ndarray, skin: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One to three soft shapes, some near the colour of skin, out of focus behind the hand."""
    size = len(wall)
    image = Image.fromarray((wall * 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(1, 4)):
        near_skin = rng.random() < 0.4
        colour = np.clip(skin * rng.uniform(0.6, 0.85) if near_skin else rng.uniform(0.1, 0.9, 3), 0, 1)
        x, y = rng.uniform(-0.1, 1.1, 2) * size
        w, h = rng.uniform(0.06, 0.22, 2) * size
        shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
        shape((x - w, y - h, x + w, y + h), fill=tuple((colour * 255).astype(int).tolist()))
    blurred = image.filter(ImageFilter.GaussianBlur(size / 64 * rng.uniform(1.2, 2.5)))
    return np.asarray(blurred, np.float32) / 255


def drop_shadow(cover: np.ndarray, towards: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Brightness factor (size, size) of the wall under the hand's soft shadow, thrown away from the lamp."""
    size = len(cover)
    dx, dy = -towards[:2] * size * rng.uniform(0.04, 0.16)
    image = Image.fromarray((cover * 255).astype(np.uint8))
    image = image.transform(image.size, Image.Transform.AFFINE, (1, 0, -dx, 0, 1, -dy))
    soft = image.filter(ImageFilter.GaussianBlur(size / 64 * rng.uniform(1.5, 4.0)))
    return 1 - rng.uniform(0.1, 0.45) * np.asarray(soft, np.float32) / 255


def develop(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Exposure, contrast, colour cast, blur and sensor noise: (size, size, 3) in 0..1 becomes uint8."""
    size = len(picture)
    cast = 1 + rng.normal(0, 0.035, 3)
    contrast, lift = rng.uniform(0.8, 1.15), rng.uniform(-0.06, 0.06)
    picture = (picture * cast * rng.uniform(0.82, 1.12) - 0.5) * contrast + 0.5 + lift
    image = Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))
    image = image.filter(ImageFilter.GaussianBlur(size / 64 * rng.uniform(0.0, 0.6)))
    noisy = np.asarray(image, np.float32) + rng.normal(0, rng.uniform(1.0, 6.0), picture.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
