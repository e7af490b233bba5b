"""What is known of weights that torchvision and timm publish: preprocessing and licence, by name or by hash.

The values stand in known_weights.json beside this file, which says where they come from. Files of torch.hub carry the
beginning of their SHA-256 in their names, so that they are known after a renaming too.
"""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from residual.data.preprocessing import Preprocessing
from residual.errors import RunError

_FILE = Path(__file__).with_name("known_weights.json")
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_CROP_MODES = {"center": "shorter-side", "squash": "exact"}
DIGITS = 8


@dataclass(frozen=True)
class KnownWeights:
    """Weights that are published.

    Attributes:
        name: such as "torchvision/resnet50.v2" or "timm/resnet50.a1_in1k".
        digits: the first digits of the SHA-256 of the file; "" if its name does not say them.
        preprocessing: of photos.
        license: such as "bsd-3-clause".
    """

    name: str
    digits: str
    preprocessing: Preprocessing
    license: str


@functools.cache
def list_known() -> tuple[KnownWeights, ...]:
    """All weights of the table, torchvision's first."""
    table = json.loads(_FILE.read_text("utf-8"))
    return tuple(_read_row(*row) for row in table["weights"])


def find_by_digits(digits: str) -> KnownWeights | None:
    """The weights whose file has a SHA-256 that begins so."""
    return next((known for known in list_known() if known.digits == digits), None)


def find_by_name(name: str) -> KnownWeights | None:
    """The weights of a name, with or without the library: "timm/resnet50.a1_in1k" or "resnet50.a1_in1k"."""
    return next((known for known in list_known() if name in (known.name, known.name.partition("/")[2])), None)


def scale(values: tuple[float, ...]) -> tuple[float, ...]:
    """Means or deviations in units of 1 (white) as units of raw pixels."""
    return tuple(round(255 * value, 9) for value in values)


def _read_row(
    name: str, digits: str, side: int, resize: float, interpolation: str, normalization: str, license: str
) -> KnownWeights:
    library = name.partition("/")[0]
    fraction, shorter = (resize, int(side / resize)) if resize <= 1 else (side / resize, int(resize))
    mean, std = _IMAGENET if normalization == "imagenet" else _HALF
    source = f"the table of {library}, for {name}"
    preprocessing = Preprocessing(
        height=side,
        width=side,
        resize_to=shorter,
        crop_fraction=fraction,
        interpolation=interpolation,  # type: ignore[arg-type]
        mean=scale(mean),
        std=scale(std),
        source=source,
    )
    return KnownWeights(name, digits, preprocessing, license)


def read_config(path: Path) -> dict[str, Any]:
    """timm's config.json beside the weights; {} if there is none, or another program's.

    Raises:
        RunError: it is damaged.
    """
    file = path.parent / "config.json"
    if not file.is_file():
        return {}
    try:
        config = json.loads(file.read_text("utf-8"))
    except (ValueError, RecursionError):
        raise RunError(f"{file} is damaged: it must be JSON. Repair it, or move it away.") from None
    return config if isinstance(config, dict) and isinstance(config.get("pretrained_cfg"), dict) else {}


def read_preprocessing(config: dict[str, Any], where: Path) -> Preprocessing:
    """The preprocessing that timm's config.json asks for.

    Args:
        config: from `read_config`.
        where: its folder, for messages.

    Raises:
        RunError: a value that is damaged or that is not supported.
    """
    table = config["pretrained_cfg"]
    try:
        _, height, width = table.get("input_size", (3, 224, 224))
        fraction = float(table.get("crop_pct", 0.875))
        mean, std = (
            tuple(map(float, table.get(key, usual)))
            for key, usual in zip(("mean", "std"), _IMAGENET, strict=True)
        )
        mode = _CROP_MODES.get(table.get("crop_mode") or "center")
        if mode is None or (mode == "exact" and fraction != 1):
            raise RunError(f"{where / 'config.json'}: crop_mode {table['crop_mode']!r} is not supported.")
        return Preprocessing(
            height=height,
            width=width,
            resize=mode,  # type: ignore[arg-type]
            resize_to=int(min(height, width) / fraction),
            crop_fraction=fraction,
            interpolation=table.get("interpolation") or "bicubic",
            mean=scale(mean),
            std=scale(std),
            source=f"config.json beside the weights ({config.get('architecture', 'timm')})",
        )
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise RunError(
            f"{where / 'config.json'} is damaged: pretrained_cfg cannot be read ({error})."
        ) from None
