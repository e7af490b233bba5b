"""Drawn hands that show 0 to 5 fingers: a stand-in for the SIGNS photographs when those are absent.

The pictures are rendered, not photographed: use them to try code, to teach and to test, not to claim an
accuracy on SIGNS. They vary in skin tone, pose, side (palm or back), light, background and sensor noise,
so that a linear classifier on the pixels stays far below a small convolutional network.
"""

import numpy as np

from residual.data.drawn_hands.paint import Camera, Canvas, Light, Skin, paint_forearm, paint_limb, paint_palm
from residual.data.drawn_hands.pose import Hand, pose_hand
from residual.data.drawn_hands.scene import develop, draw_wall, drop_shadow
from residual.errors import DataError

CLASSES = 6
OVERSAMPLE = 2  # canvas pixels per picture pixel
MIN_SIZE = 16  # below this a finger is under one pixel wide
TONES = np.array(
    [
        (0.97, 0.81, 0.72),
        (0.92, 0.71, 0.58),
        (0.82, 0.59, 0.45),
        (0.68, 0.46, 0.33),
        (0.52, 0.34, 0.24),
        (0.40, 0.26, 0.18),
    ]
)
PALM_TONE = np.array([0.88, 0.64, 0.54])
NAIL_TONE = np.array([0.97, 0.80, 0.76])
FLUSH = np.array([1.02, 0.86, 0.84])


def render_signs(
    train: int = 1080, test: int = 120, size: int = 64, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw a data set of hand signs, shuffled and balanced.

    Every picture has a random stream of its own, named by (seed, split, position): the same arguments give
    the same bytes, and the number of training pictures does not change the test pictures.

    Args:
        train: number of training pictures; a multiple of 6 gives equal classes, else counts differ by one.
        test: number of test pictures, likewise.
        size: side of the square pictures in pixels, at least 16.
        seed: any non-negative integer.

    Returns:
        x_train uint8 (train, size, size, 3), y_train int64 (train,) with the fingers shown (0 to 5),
        x_test and y_test likewise.

    Raises:
        DataError: when a count or the seed is negative or the size is below 16.
    """
    for name, value in {"train": train, "test": test, "seed": seed}.items():
        if value < 0:
            raise DataError(f"{name} must be 0 or more; received {value}.")
    _check_size(size)
    return (*_render_split(train, size, seed, 0), *_render_split(test, size, seed, 1))


def _render_split(count: int, size: int, seed: int, split: int) -> tuple[np.ndarray, np.ndarray]:
    order, pictures = np.random.SeedSequence(seed, spawn_key=(split,)).spawn(2)
    labels = np.random.default_rng(order).permutation(np.arange(count, dtype=np.int64) % CLASSES)
    images = np.empty((count, size, size, 3), np.uint8)
    for i, stream in enumerate(pictures.spawn(count)):
        images[i] = render_hand(int(labels[i]), np.random.default_rng(stream), size)
    return images, labels


def render_hand(fingers: int, rng: np.random.Generator, size: int = 64) -> np.ndarray:
    """Draw one hand.

    Args:
        fingers: how many fingers are up, 0 to 5.
        rng: source of every choice; it is advanced.
        size: side of the picture in pixels, at least 16.

    Returns:
        uint8 (size, size, 3).

    Raises:
        DataError: when `fingers` is not 0 to 5 or the size is below 16.
    """
    if fingers not in range(CLASSES):
        raise DataError(f"fingers must be 0, 1, 2, 3, 4 or 5; received {fingers!r}.")
    _check_size(size)
    hand = pose_hand(fingers, rng)
    skin, light = _choose_skin(hand.palm_side, rng), _choose_light(rng)
    rgba = _paint(hand, skin, light, size, rng)
    wall = draw_wall(skin.base.ravel(), size, rng)
    wall = wall * drop_shadow(rgba[..., 3], light.towards, rng)[..., None]
    return develop(wall * (1 - rgba[..., 3:]) + rgba[..., :3], rng)


def _check_size(size: int) -> None:
    if size < MIN_SIZE:
        raise DataError(f"size must be {MIN_SIZE} or more pixels; received {size}.")


def _choose_skin(palm_side: bool, rng: np.random.Generator) -> Skin:
    """A tone between pale and dark; palms are paler than backs, the more so the darker the skin."""
    place = rng.uniform(0, len(TONES) - 1)
    tone = np.array([np.interp(place, np.arange(len(TONES)), channel) for channel in TONES.T])
    tone = tone * (1 + rng.normal(0, 0.02, 3))
    if palm_side:
        share = 0.12 + 0.06 * place
        tone = tone * (1 - share) + PALM_TONE * share
    return Skin(
        base=_ink(tone),
        flush=_ink(tone * FLUSH),
        nail=_ink(0.55 * tone + 0.45 * NAIL_TONE),
    )


def _ink(rgb: np.ndarray) -> np.ndarray:
    """A colour (3,) as float32 (3, 1, 1), to broadcast over planes."""
    return rgb.astype(np.float32)[:, None, None]


def _choose_light(rng: np.random.Generator) -> Light:
    """A lamp above the hand, left or right."""
    around, height = np.radians(rng.uniform(-80, 80)), np.radians(rng.uniform(28, 65))
    towards = np.array([np.sin(around) * np.cos(height), -np.cos(around) * np.cos(height), np.sin(height)])
    ambient = rng.uniform(0.3, 0.55)
    return Light(towards, ambient, diffuse=1.08 - ambient, gloss=rng.uniform(0.0, 0.1))


def _choose_camera(hand: Hand, side: int, rng: np.random.Generator) -> Camera:
    """A view that keeps every fingertip and knuckle in a picture of `side` pixels."""
    angle = rng.uniform(-25, 25)
    mirror, narrow = bool(rng.random() < 0.5), rng.uniform(0.84, 1.0)
    unit = side * rng.uniform(0.35, 0.46)
    reach = Camera(1.0, angle, mirror, narrow, np.zeros(2)).project(hand.outline())
    low, high = reach.min(0) - 0.16, reach.max(0) + 0.16
    unit = min(unit, 0.97 * side / float((high - low).max()))
    slack = side - (high - low) * unit
    # Towards the middle more often than not: photographers aim.
    place = rng.random((3, 2)).mean(axis=0)
    return Camera(unit, angle, mirror, narrow, place * slack - low * unit)


def _paint(hand: Hand, skin: Skin, light: Light, size: int, rng: np.random.Generator) -> np.ndarray:
    """The hand alone, (size, size, 4) premultiplied RGBA in 0..1."""
    side = size * OVERSAMPLE
    camera, canvas = _choose_camera(hand, side, rng), Canvas(side, light)
    sleeve = (rng.uniform(0.2, 0.8), _ink(rng.uniform(0.1, 0.85, 3))) if rng.random() < 0.35 else None
    paint_forearm(canvas, camera, hand.behind[0], skin, sleeve)
    for limb in hand.behind[1:]:
        paint_limb(canvas, camera, limb, skin)
    paint_palm(canvas, camera, hand, skin)
    for limb in hand.front:
        paint_limb(canvas, camera, limb, skin)
    return np.moveaxis(_shrink(canvas.rgba), 0, -1)


def _shrink(rgba: np.ndarray) -> np.ndarray:
    """Mean of every OVERSAMPLE x OVERSAMPLE block; strided sums beat a reshaped mean."""
    steps = range(OVERSAMPLE)
    tiles = [rgba[:, i::OVERSAMPLE, j::OVERSAMPLE] for i in steps for j in steps]
    return sum(tiles[1:], start=tiles[0]) / len(tiles)
