"""The anatomy of the drawn hand: which fingers a sign raises, and where every limb lies.

Hand coordinates: the unit is one palm width, the wrist is at (0, 0), x runs from the thumb's side (negative)
to the little finger's side, y runs from the wrist to the fingertips. Angles are degrees from the y axis,
positive towards the little finger. Fingers are numbered 0 thumb, 1 index, 2 middle, 3 ring, 4 little.
"""

from dataclasses import dataclass, field

import numpy as np

KNUCKLES = np.array([(-0.36, 1.02), (-0.12, 1.08), (0.12, 1.04), (0.34, 0.93)])
LENGTHS = np.array([0.88, 0.98, 0.91, 0.72])
FAN = np.array([-1.0, -0.25, 0.45, 1.2])  # how far each finger follows the spread
PHALANGES = np.array([0.44, 0.31, 0.25])
TAPER = np.array([0.122, 0.114, 0.106, 0.09])

# For each count: (share of the images, raised fingers).
SIGNS: dict[int, tuple[tuple[float, tuple[int, ...]], ...]] = {
    0: ((1.0, ()),),
    1: ((0.84, (1,)), (0.08, (0,)), (0.08, (4,))),
    2: ((0.72, (1, 2)), (0.2, (0, 1)), (0.08, (1, 4))),
    3: ((0.42, (0, 1, 2)), (0.4, (1, 2, 3)), (0.18, (2, 3, 4))),
    4: ((1.0, (1, 2, 3, 4)),),
    5: ((1.0, (0, 1, 2, 3, 4)),),
}


@dataclass(frozen=True)
class Limb:
    """A chain of tapered capsules.

    Args:
        points: (k, 2) joints in hand coordinates, base first.
        radii: (k,) half widths at the joints.
        blend: length from the base over which the limb grows out of what lies beneath it; 0 for a hard edge.
        contact: darkness, 0 to 1, of the shadow the limb drops on limbs already painted.
        creases: distances from the base, in palm widths, of the folds across the limb.
        depth: darkness, 0 to 1, of those folds.
        nail: whether the tip shows its nail.
        turned: 0 when the limb faces the viewer, 1 when its far end turns away into the dark.
    """

    points: np.ndarray
    radii: np.ndarray
    blend: float = 0.0
    contact: float = 0.0
    creases: tuple[float, ...] = ()
    depth: float = 0.15
    nail: bool = False
    turned: float = 0.0


@dataclass(frozen=True)
class Hand:
    """A posed hand: limbs behind the palm, the palm's bones (n, 2, 2) and limbs before it, in paint order."""

    palm_side: bool
    behind: list[Limb] = field(default_factory=list)
    bones: np.ndarray = field(default_factory=lambda: np.zeros((0, 2, 2)))
    front: list[Limb] = field(default_factory=list)

    def outline(self) -> np.ndarray:
        """(n, 2) points that must stay in the picture: every limb but the arm, and the palm."""
        limbs = [limb.points for limb in self.behind[1:] + self.front]
        return np.concatenate([*limbs, self.bones.reshape(-1, 2)])


def _direction(degrees: float) -> np.ndarray:
    return np.array([np.sin(np.radians(degrees)), np.cos(np.radians(degrees))])


def _chain(base: np.ndarray, angles: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Joints (k + 1, 2) of k bones that start at `base`."""
    steps = np.array([_direction(a) * n for a, n in zip(angles, lengths, strict=True)])
    return np.concatenate([base[None], base + np.cumsum(steps, axis=0)])


def choose_raised(fingers: int, rng: np.random.Generator) -> tuple[int, ...]:
    """The fingers that one picture of the sign `fingers` (0 to 5) raises."""
    shares, variants = zip(*SIGNS[fingers], strict=True)
    return variants[rng.choice(len(variants), p=shares)]


def pose_hand(fingers: int, rng: np.random.Generator) -> Hand:
    """A hand with `fingers` (0 to 5) fingers up, seen from the palm or from the back."""
    raised = choose_raised(fingers, rng)
    palm_side = bool(rng.random() < 0.6)
    thick, long = rng.uniform(0.92, 1.1), rng.uniform(0.93, 1.1)
    behind, front = [_forearm(rng)], _straight_fingers(raised, palm_side, thick, long, rng)
    folded = [f for f in (4, 3, 2, 1) if f not in raised]
    front += [_curled(f, thick, rng) if palm_side else _knuckle(f, thick, rng) for f in folded]
    if 0 in raised:
        front.insert(0, _straight_thumb(thick, long, palm_side, rng))
    elif palm_side:
        front.append(_folded_thumb(over_fist=len(folded) >= 3, thick=thick, rng=rng))
    else:
        behind.append(_hidden_thumb(thick))
    return Hand(palm_side, behind, _palm_bones(0 in raised), front)


def _forearm(rng: np.random.Generator) -> Limb:
    lean = rng.normal(0, 9)
    angles = np.array([180.0, 180 + 0.5 * lean, 180 + lean])
    points = _chain(np.array([0.0, 0.3]), angles, np.array([0.35, 0.8, 4.0]))
    return Limb(points, np.array([0.25, 0.255, 0.31, 0.46]) * rng.uniform(0.92, 1.1))


def _palm_bones(thumb_out: bool) -> np.ndarray:
    """Segments (5, 2, 2) whose smooth union is the palm: four metacarpals and the ball of the thumb."""
    roots = np.array([(-0.17, 0.16), (-0.06, 0.14), (0.06, 0.14), (0.17, 0.16)])
    bones = np.stack([roots, KNUCKLES - (0, 0.04)], axis=1)
    ball = np.array([[(-0.17, 0.22), (-0.36 if thumb_out else -0.3, 0.5)]])
    return np.concatenate([bones, ball])


def _straight_fingers(
    raised: tuple[int, ...], palm_side: bool, thick: float, long: float, rng: np.random.Generator
) -> list[Limb]:
    """The raised fingers, little finger first, fanned by one spread and bent a little each."""
    spread = rng.uniform(5, 15)
    if raised == (1, 2):
        spread *= rng.uniform(1.0, 1.6)  # two fingers alone open further: the V
    drift = rng.normal(0, 2.5)
    foreshortening = rng.uniform(0.86, 1.0)
    limbs = []
    for f in sorted((f for f in raised if f), reverse=True):
        start = FAN[f - 1] * spread + drift + rng.normal(0, 1.5)
        bend = rng.normal(-1.0, 3.0) * np.sign(FAN[f - 1])
        angles = start + bend * np.arange(3)
        length = LENGTHS[f - 1] * long * foreshortening * rng.uniform(0.96, 1.04)
        base = KNUCKLES[f - 1] - _direction(start) * 0.08
        points = _chain(base, angles, PHALANGES * length + (0.08, 0, 0))
        joints = (np.cumsum(PHALANGES[:2] * length) + 0.08).tolist()
        # The web of the fingers folds on the palm's side only; the joints wrinkle on both.
        creases, depth = ((0.24, *joints), 0.2) if palm_side else (tuple(joints), 0.13)
        radii = TAPER * thick * (0.88 if f == 4 else 1.0)
        limbs.append(Limb(points, radii, 0.26, 0.55, creases, depth, nail=not palm_side))
    return limbs


def _curled(f: int, thick: float, rng: np.random.Generator) -> Limb:
    """A finger folded over the palm, seen from the palm: a sausage from the knuckle down."""
    x, y = KNUCKLES[f - 1]
    top = np.array([x * 0.97, y + rng.uniform(0.0, 0.06)])
    reach = (0.36 if f < 4 else 0.29) * rng.uniform(0.9, 1.1)
    tip = np.array([x * 0.84, top[1] - reach]) + rng.normal(0, 0.012, 2)
    radii = np.array([0.128, 0.118, 0.1]) * thick * (0.9 if f == 4 else 1.0)
    points = np.array([top, 0.4 * top + 0.6 * tip, tip])
    return Limb(points, radii, 0.0, 0.75, (reach * 0.58,), nail=bool(rng.random() < 0.35), turned=0.4)


def _knuckle(f: int, thick: float, rng: np.random.Generator) -> Limb:
    """A folded finger seen from the back: the knuckle and the stub that turns away."""
    x, y = KNUCKLES[f - 1]
    base = np.array([x * 0.96, y - 0.14])
    end = base + np.array([x * 0.05, 0.17 + rng.uniform(0.0, 0.05)])
    points = np.array([base, end])
    return Limb(points, np.array([0.118, 0.124]) * thick, 0.16, 0.6, (0.2,), turned=0.5)


def _straight_thumb(thick: float, long: float, palm_side: bool, rng: np.random.Generator) -> Limb:
    start = rng.uniform(-68, -42)
    angles = start + np.array([0.0, rng.uniform(0, 14), rng.uniform(0, 20)])
    lengths = np.array([0.38, 0.34, 0.27]) * long
    points = _chain(np.array([-0.2, 0.3]), angles, lengths)
    radii = np.array([0.17, 0.135, 0.122, 0.1]) * thick
    creases = (float(lengths[0]) + 0.02, float(lengths[:2].sum()))
    return Limb(points, radii, 0.34, 0.5, creases, nail=not palm_side)


def _folded_thumb(over_fist: bool, thick: float, rng: np.random.Generator) -> Limb:
    """The thumb laid across the palm, over the curled fingers when there are enough of them to hold."""
    height = rng.uniform(0.6, 0.72) if over_fist else rng.uniform(0.52, 0.66)
    tip_x = rng.uniform(-0.06, 0.16)
    joints = [(-0.24, 0.26), (-0.42, 0.52), (tip_x - 0.27, height + 0.04), (tip_x, height - 0.02)]
    radii = np.array([0.16, 0.14, 0.13, 0.105]) * thick
    return Limb(np.array(joints), radii, 0.26, 0.75, (0.62,), nail=True)


def _hidden_thumb(thick: float) -> Limb:
    """The thumb folded behind the hand: only the joint at its root shows beside the palm."""
    joints = np.array([(-0.2, 0.28), (-0.37, 0.52), (-0.3, 0.78)])
    return Limb(joints, np.array([0.16, 0.13, 0.11]) * thick)
