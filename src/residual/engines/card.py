"""The model card: what somebody needs to know to use an exported network without `residual`.

The card stands in the exported file itself, and as a JSON file beside it: that of signs.onnx is signs.onnx.json.
"""

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from residual._atomic import write_bytes
from residual.errors import RunError
from residual.trust.facts import Trust

KEY = "residual"  # under which a file holds its card
RESIZE = (
    "turn the image upright (EXIF); transparent pixels become white; scale it to cover the size, with a bilinear "
    "filter and antialiasing; cut out the middle"
)


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """What an exported network is, and how to show it images.

    Attributes:
        name: of the run or model file.
        network: such as "resnet50".
        classes: names of the outputs, in their order.
        image_size: (height, width) in pixels.
        precision: "fp32", "bf16" or "int8".
        exported_to: the format, a key of `residual.exporters.EXPORTERS`.
        resize: how an image of any size becomes one of that size, in words.
        white: the grey value that stands for white in images of more than 8 bits; None for 65,535.
        source: one sentence on the training images; "" if nobody knows.
        versions: of the programs that made the file.
        weights_sha256: of the network that was exported; "" if it has none.
        created: date and time, ISO 8601.
        file_sha256: of the exported file. Only the card beside the file has it; in the file itself it is "".
        preprocessing: how a photo is scaled and cut, the fields of `residual.data.preprocessing.Preprocessing`, if the
            weights come from elsewhere; None if it is as `resize` says of networks that are trained here.
        trust: from which probability on an answer is sure; None of a network whose run does not say so.
    """

    name: str
    network: str
    classes: tuple[str, ...]
    image_size: tuple[int, int]
    precision: str
    exported_to: str
    resize: str = RESIZE
    white: float | None = None
    source: str = ""
    versions: dict[str, str] = {}
    weights_sha256: str = ""
    created: str = ""
    file_sha256: str = ""
    preprocessing: dict[str, Any] | None = None
    trust: Trust | None = None

    def to_json(self) -> str:
        """One line of JSON."""
        return msgspec.json.encode(self).decode()

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values."""
        return msgspec.to_builtins(self)


def parse_card(text: str | bytes, where: str) -> ModelCard:
    """The card in a JSON text.

    Args:
        text: as `ModelCard.to_json` writes it.
        where: the file, for errors.

    Raises:
        RunError: if it is not a model card.
    """
    try:
        return msgspec.json.decode(text, type=ModelCard)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunError(f"The model card in {where} is damaged: {error}. Export the network again.") from None


def write_card(card: ModelCard, path: Path) -> None:
    """Write a card as indented JSON, whole or not at all."""
    write_bytes(path, msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n")


def card_path(path: Path) -> Path:
    """Where the card beside an exported file lies: beside signs.onnx, signs.onnx.json."""
    return path.with_name(f"{path.name}.json")


def hash_file(path: Path) -> str:
    """SHA-256 of an exported file.

    Of OpenVINO's two files it is that of the .xml and then the .bin, of a folder that of all its files in the order of
    their paths.
    """
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    if path.suffix == ".xml":
        files.append(path.with_suffix(".bin"))
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while block := stream.read(2**20):
                digest.update(block)
    return digest.hexdigest()
