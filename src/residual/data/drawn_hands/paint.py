"""Paint a posed hand: rounded limbs by signed distance, lit from one side, onto a transparent canvas.

Every limb is a chain of capsules. The distance to a capsule's axis gives its edge and, because a finger is
nearly a cylinder, its surface normal; no mesh is needed. Pixel coordinates: x right, y down.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from residual.data.drawn_hands.pose import Hand, Limb

PALM_RADIUS = 0.15  # of each metacarpal, in palm widths
# Heart, head and life line, in hand coordinates.
PALM_LINES = (
    ((0.4, 0.72), (0.2, 0.7), (0.0, 0.76), (-0.16, 0.9)),
    ((-0.4, 0.74), (-0.15, 0.68), (0.1, 0.58), (0.26, 0.46)),
    ((-0.38, 0.76), (-0.16, 0.64), (-0.06, 0.44), (-0.08, 0.2)),
)
SINEWS = (((-0.1, 0.4), (-0.34, 0.92)), ((-0.03, 0.4), (-0.11, 0.98)), ((0.05, 0.4), (0.12, 0.94)))


@dataclass(frozen=True)
class Camera:
    """A similarity from hand coordinates to canvas pixels, with an optional mirror and a narrowing by yaw."""

    unit: float  # pixels per palm width
    angle: float  # degrees, clockwise
    mirror: bool
    narrow: float  # width factor, 1 for a hand square to the viewer
    origin: np.ndarray  # (2,) the wrist, in pixels

    @cached_property
    def axes(self) -> np.ndarray:
        """(2, 2): the pixel vectors of the hand's x and y."""
        c, s = np.cos(np.radians(self.angle)), np.sin(np.radians(self.angle))
        x = np.array([c, s]) * self.narrow * (-1 if self.mirror else 1)
        return np.stack([x, np.array([s, -c])]) * self.unit

    def project(self, points) -> np.ndarray:
        """Points (..., 2) of the hand in pixels (..., 2)."""
        return np.asarray(points, float) @ self.axes + self.origin


@dataclass(frozen=True)
class Light:
    """One lamp and the room: `towards` is a unit vector (x right, y down, z to the viewer)."""

    towards: np.ndarray
    ambient: float
    diffuse: float
    gloss: float


@dataclass(frozen=True)
class Skin:
    """Colours, (3, 1, 1) in 0..1 RGB, of the side that is seen, of its folds and of its nails."""

    base: np.ndarray
    flush: np.ndarray  # knuckles and fingertips
    nail: np.ndarray


def smoothstep(x: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, an S between."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3 - 2 * x)


@dataclass
class Patch:
    """What is painted within one window: everything is (h, w), distances in pixels, negative inside."""

    window: tuple[slice, slice]
    distance: np.ndarray
    normal: tuple[np.ndarray, np.ndarray]
    along: np.ndarray  # pixels from the base
    side: np.ndarray  # -1 at one edge of the limb, 1 at the other


class Canvas:
    """A square transparent picture, (4, side, side) premultiplied RGBA in 0..1, painted back to front."""

    def __init__(self, side: int, light: Light):
        self.side, self.light = side, light
        self.centres = np.arange(side, dtype=np.float32) + 0.5
        self.rgba = np.zeros((4, side, side), np.float32)

    def grid(self, points: np.ndarray, margin: float):
        """The window that holds `points` with a margin, and its pixel centres; None when off the canvas."""
        low = np.clip(np.floor(points.min(0) - margin), 0, self.side).astype(int)
        high = np.clip(np.ceil(points.max(0) + margin) + 1, 0, self.side).astype(int)
        if (high <= low).any():
            return None
        window = (slice(low[1], high[1]), slice(low[0], high[0]))
        return window, self.centres[None, window[1]], self.centres[window[0], None]

    def paint(self, patch: Patch, colour: np.ndarray, fade, contact: float, reach: float) -> None:
        """Lay one lit surface over the picture; `contact` darkens what is beneath within `reach` pixels."""
        under = self.rgba[:, *patch.window]
        alpha = np.clip(0.5 - patch.distance, 0, 1) * fade
        if contact:
            dusk = 1 - contact * fade * np.square(np.clip(1 - patch.distance / reach, 0, 1))
            under[:3] *= dusk
        under *= 1 - alpha
        under[:3] += self.lit(patch.normal, colour) * alpha
        under[3] += alpha

    def lit(self, normal: tuple[np.ndarray, np.ndarray], colour: np.ndarray) -> np.ndarray:
        """Colour (3, h, w) of a surface with the given normal's x and y: Lambert, softened, and a sheen."""
        nx, ny = normal
        nz = np.sqrt(np.maximum(1 - nx * nx - ny * ny, 0.02))
        lx, ly, lz = self.light.towards.astype(np.float32)
        facing = np.clip((nx * lx + ny * ly + nz * lz + 0.25) / 1.25, 0, 1)
        sheen = np.square(np.square(np.square(facing)))
        shade = self.light.ambient * (0.55 + 0.45 * nz) + self.light.diffuse * facing
        return colour * shade + self.light.gloss * sheen


def _trace(canvas: Canvas, points: np.ndarray, radii: np.ndarray, margin: float) -> Patch | None:
    """Distance, normal and surface coordinates of a chain of capsules given in pixels."""
    found = canvas.grid(points, radii.max() + margin)
    if found is None:
        return None
    window, xs, ys = found
    # All bones at once, (k, h, w): the patches are small, so the number of calls is what costs.
    start = points[:-1].astype(np.float32)
    bone = np.diff(points, axis=0)
    length = np.maximum(np.linalg.norm(bone, axis=1), 1e-6)
    ux, uy = _columns(bone / length[:, None])
    px, py = xs - start[:, 0, None, None], ys - start[:, 1, None, None]
    run = px * ux + py * uy
    whole, slope, thick, before = _columns(
        np.stack([length, np.diff(radii) / length, radii[:-1], np.cumsum(length) - length], axis=1)
    )
    held = np.minimum(np.maximum(run, 0), whole)
    dx, dy = px - held * ux, py - held * uy
    radius = thick + held * slope
    distance = np.sqrt(dx * dx + dy * dy) - radius
    # The tip's cap keeps its own run so that a nail may reach over it.
    held[-1] = np.maximum(run[-1], 0)
    side = (ux * dy - uy * dx) / radius
    stack = (distance, dx / radius, dy / radius, held + before, side)
    distance, nx, ny, along, side = _nearest(stack)
    return Patch(window, distance, (nx, ny), along, side)


def _nearest(stack: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    """From arrays (k, h, w), the first of them distances, the (h, w) values of the nearest of the k bones."""
    best = [values[0].copy() for values in stack]
    for i in range(1, len(stack[0])):
        nearer = stack[0][i] < best[0]
        for kept, values in zip(best, stack, strict=True):
            np.copyto(kept, values[i], where=nearer)
    return best


def _columns(table: np.ndarray) -> list[np.ndarray]:
    """The columns of a (k, m) table as m float32 arrays (k, 1, 1), to broadcast over pictures."""
    return [column[:, None, None] for column in table.astype(np.float32).T]


def paint_limb(canvas: Canvas, camera: Camera, limb: Limb, skin: Skin) -> None:
    """Paint a finger, thumb or knuckle with its folds, flush and nail."""
    unit = camera.unit
    radii = limb.radii * unit * math.sqrt(camera.narrow)
    reach = 0.14 * unit if limb.contact else 1.0
    patch = _trace(canvas, camera.project(limb.points), radii, reach)
    if patch is None:
        return
    total = float(np.linalg.norm(np.diff(camera.project(limb.points), axis=0), axis=1).sum())
    part = np.clip(patch.along / total, 0, 1)
    colour = _limb_colour(patch, limb, skin, unit, total, part)
    fade = smoothstep(patch.along / (limb.blend * unit)) if limb.blend else np.float32(1)
    canvas.paint(patch, colour, fade, limb.contact, reach)


def _limb_colour(patch: Patch, limb: Limb, skin: Skin, unit: float, total: float, part) -> np.ndarray:
    """Albedo (3, h, w) along a limb."""
    colour = skin.base + (skin.flush - skin.base) * (0.15 + 0.6 * part**3)
    dark = np.ones_like(part)
    for crease in limb.creases:
        dark -= limb.depth * np.exp(-np.square((patch.along - crease * unit) / (0.022 * unit)))
    dark *= 1 - limb.turned * 0.5 * part
    colour *= dark
    if limb.nail:
        run = (patch.along - total - 0.005 * unit) / (0.085 * unit)
        inside = smoothstep((1.0 - run * run - np.square(patch.side / 0.62)) * 2.5)
        colour += (skin.nail - colour) * inside
    return colour


def paint_forearm(canvas: Canvas, camera: Camera, limb: Limb, skin: Skin, sleeve) -> None:
    """Paint the forearm; `sleeve` is None or (distance from the wrist in palm widths, RGB (3, 1, 1))."""
    patch = _trace(
        canvas, camera.project(limb.points), limb.radii * camera.unit * math.sqrt(camera.narrow), 2.0
    )
    if patch is None:
        return
    colour = skin.base
    if sleeve is not None:
        start, cloth = sleeve
        past = patch.along / camera.unit - start - 0.35
        hem = 1 - 0.3 * np.exp(-np.square((past - 0.09) / 0.025))
        colour = np.where(past > 0, cloth * hem, colour * (1 - 0.4 * np.exp(-np.abs(past) / 0.06)))
    canvas.paint(patch, colour, np.float32(1), 0.0, 1.0)


def paint_palm(canvas: Canvas, camera: Camera, hand: Hand, skin: Skin) -> None:
    """Paint the palm: a smooth union of its bones, with lines on the palm or sinews on the back."""
    unit = camera.unit
    bones = camera.project(hand.bones)
    radius = PALM_RADIUS * unit * math.sqrt(camera.narrow)
    found = canvas.grid(bones.reshape(-1, 2), radius + 3)
    if found is None:
        return
    window, xs, ys = found
    distance = _union(bones, xs, ys, 0.05 * unit) - np.float32(radius)
    if min(distance.shape) < 2:
        return
    bevel = np.clip(1 + distance / (0.24 * unit), 0, 1)
    if hand.palm_side:
        bevel = bevel * bevel  # flesh hides the bones that the back shows
    gy, gx = np.gradient(distance)
    up = camera.axes[1] / unit**2
    height = (xs - camera.origin[0]) * np.float32(up[0]) + (ys - camera.origin[1]) * np.float32(up[1])
    patch = Patch(window, distance, (gx * bevel, gy * bevel), height, height)
    flush = 0.3 * smoothstep((height - 0.6) / 0.5)
    marks = _marks(canvas.side, camera, hand.palm_side)[window]
    colour = (skin.base + (skin.flush - skin.base) * flush) * marks
    # The heel of the hand grows out of the wrist without an edge.
    canvas.paint(patch, colour, smoothstep((height + 0.02) / 0.2), 0.0, 1.0)


def _union(bones: np.ndarray, xs: np.ndarray, ys: np.ndarray, soft: float) -> np.ndarray:
    """Smooth distance (h, w) to the nearest of the segments (n, 2, 2); `soft` pixels of rounding."""
    total = 0.0
    for (ax, ay), (bx, by) in bones.astype(np.float32):
        vx, vy = bx - ax, by - ay
        px, py = xs - ax, ys - ay
        t = np.clip((px * vx + py * vy) / (vx * vx + vy * vy), 0, 1)
        distance = np.hypot(px - t * vx, py - t * vy)
        total = total + np.exp(-np.minimum(distance / soft, 80))
    return (-soft * np.log(total)).astype(np.float32)


def _marks(side: int, camera: Camera, palm_side: bool) -> np.ndarray:
    """Brightness factor (side, side) of the palm's creases or of the furrows beside the sinews."""
    mask = Image.new("L", (side, side), 255)
    draw = ImageDraw.Draw(mask)
    width = max(1, round(0.03 * camera.unit))
    for line in PALM_LINES if palm_side else SINEWS:
        pixels = [tuple(p) for p in camera.project(line).tolist()]
        draw.line(pixels, fill=150 if palm_side else 226, width=width, joint="curve")
    return np.asarray(mask.filter(ImageFilter.BoxBlur(0.02 * camera.unit)), np.float32) / 255
