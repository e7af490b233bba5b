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
from residual._text import first_line
from residual.backend.accelerate import stock
from residual.backend.quiet import hide_tensorflow
from residual.errors import RunError
from residual.models.build import raise_recursion_limit

_MEMBER = "residual.json"


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
        RunError: the file is missing, is not a .keras file, or asks to run code.
    """
    path = Path(path)
    if not path.is_file():
        raise RunError(f"There is no model file {path}.")
    if not zipfile.is_zipfile(path):
        raise RunError(f"{path} is not a .keras file. Save models with model.save('name.keras').")
    try:
        with raise_recursion_limit(), hide_tensorflow():
            model: Any = keras.saving.load_model(path, compile=False, safe_mode=True)
        with zipfile.ZipFile(path) as archive:
            info = json.loads(archive.read(_MEMBER)) if _MEMBER in archive.namelist() else {}
    except Exception as error:  # Keras raises whatever the damaged part raises
        raise RunError(f"{path} cannot be loaded: {first_line(error)}") from None
    return model, info
