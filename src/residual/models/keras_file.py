"""The .keras file of a network: a stock Keras model, with class names and image size beside it.

The file opens in plain Keras (`keras.models.load_model`) without this package: the facts beside the model stand in an
extra member of the archive that Keras does not read.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import keras

from residual._atomic import replace_file
from residual._text import first_line, format_bytes
from residual._zip_file import is_zip
from residual.backend.accelerate import stock
from residual.backend.quiet import hide_tensorflow
from residual.errors import RunError
from residual.models.build import raise_recursion_limit

_MEMBER = "residual.json"
# What a file may unpack to. The configuration of a ResNet-1001 takes 4 MB; weights hardly shrink.
_MOST_TEXT = 32 * 2**20  # bytes of one .json member
_FREE = 256 * 2**20  # bytes of all members, however small the file is
_MOST_TIMES = 100  # what is larger may be so many times the file


def save_model(model: keras.Model, path: str | Path, info: dict) -> None:
    """Write `model` without its optimizer, and `info`, in one step: a reader sees the old file or the new one.

    Args:
        model: a functional model.
        path: ends in .keras.
        info: facts that JSON can hold; "classes" are the names of the outputs.
    """
    with replace_file(path) as partial:
        with raise_recursion_limit(), stock(model), hide_tensorflow():
            bare = keras.Model(model.input, model.output, name=model.name)
            bare.save(partial)
        with zipfile.ZipFile(partial, "a") as archive:
            archive.writestr(_MEMBER, json.dumps(info, indent=1))


def load_model(path: str | Path) -> tuple[keras.Model, dict]:
    """A model and the `info` that it was saved with ({} if another program wrote the file).

    Raises:
        RunError: the file is missing, is not a .keras file, asks to run code, or unpacks to far more than it stores.
    """
    path = Path(path)
    if not path.is_file():
        raise RunError(f"There is no model file {path}.")
    if not is_zip(path):
        raise RunError(f"{path} is not a .keras file. Save models with model.save('name.keras').")
    try:
        _check_unpacked(path)
        with raise_recursion_limit(), hide_tensorflow():
            model: Any = keras.saving.load_model(path, compile=False, safe_mode=True)
        with zipfile.ZipFile(path) as archive:
            text = archive.read(_MEMBER) if _MEMBER in archive.namelist() else b"{}"
    except RunError:
        raise
    except Exception as error:  # Keras raises whatever the damaged part raises
        raise RunError(f"{path} cannot be loaded: {first_line(error)}") from None
    try:
        return model, json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is damaged: {_MEMBER} in it must be JSON; {first_line(error)}.") from None


def _check_unpacked(path: Path) -> None:
    """RunError if the members of a file would take far more memory than the file: a few bytes can declare gigabytes."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    for member in members:
        if member.filename.endswith(".json") and member.file_size > _MOST_TEXT:
            raise RunError(
                f"{path}: {member.filename} would unpack to {format_bytes(member.file_size)}, more than the "
                f"configuration of a network may have: {format_bytes(_MOST_TEXT)}. The file is damaged or made to "
                "fill the memory."
            )
    declared, stored = sum(member.file_size for member in members), path.stat().st_size
    if declared > max(_FREE, _MOST_TIMES * stored):
        raise RunError(
            f"{path} would unpack to {format_bytes(declared)} and has {format_bytes(stored)}; from "
            f"{format_bytes(_FREE)} on, {_MOST_TIMES} times its size is the most. The file is damaged or made to fill "
            "the memory."
        )
