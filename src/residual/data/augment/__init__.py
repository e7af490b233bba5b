"""Augmentations: small values that change a batch of training images at random.

Each is a frozen dataclass called with images (n, height, width, channels) and a NumPy generator, and
returns images of the same shape and type. Those that mix labels too have `mix`, with one-hot labels between.
Images are uint8 from 0 to 255, or floats on any scale, such as those with a mean image taken away. All are
vectorised over the batch.
"""

from collections.abc import Iterable
from dataclasses import asdict, fields

import numpy as np

from residual.data.augment.geometry import Affine, Flip, Shift
from residual.data.augment.light import Light
from residual.data.augment.mixing import CutMix, Cutout, Mixup
from residual.data.augment.policy import RandAugment
from residual.errors import RecipeError

Augmentation = Flip | Shift | Light | Affine | Cutout | RandAugment | Mixup | CutMix
KINDS: dict[str, type] = {
    kind.kind: kind for kind in (Flip, Shift, Light, Affine, Cutout, RandAugment, Mixup, CutMix)
}


def augmented(
    x: np.ndarray, y: np.ndarray, augment: Iterable[Augmentation], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A batch with augmentations applied in turn.

    Args:
        x: images (n, h, w, c).
        y: one-hot labels float32 (n, classes); mixed ones sum to 1 too.
        augment: what to apply.
        rng: all of the randomness.
    """
    for change in augment:
        if isinstance(change, Mixup | CutMix):
            x, y = change.mix(x, y, rng)
        else:
            x = change(x, rng)
    return x, y


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
