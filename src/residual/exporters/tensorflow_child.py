"""The formats that only TensorFlow can write, also if Keras runs on JAX or torch: a child process writes them."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from residual._text import first_line
from residual.engines.card import ModelCard, parse_card
from residual.errors import RunError

if TYPE_CHECKING:
    import keras

_RUN = "import sys; from residual.exporters.tensorflow_child import main; main(*sys.argv[1:])"


def write_in_tensorflow(
    write: Callable[["keras.Model", ModelCard, Path], None],
    format: str,
    model: "keras.Model",
    card: ModelCard,
    path: Path,
) -> None:
    """Call `write` here if Keras runs on TensorFlow, else in a child process in which it does.

    Args:
        write: gets the network with uint8 input, the card and the path.
        format: a key of `EXPORTERS`, of the exporter that `write` belongs to.
        model, card, path: as `Exporter.write` takes them.

    Raises:
        RunError: if there is no TensorFlow, or the child process fails.
    """
    import keras

    if keras.backend.backend() == "tensorflow":
        from residual.backend.quiet import hide_tensorflow

        with hide_tensorflow():
            write(take_bytes(model, card), card, path)
        return
    from importlib.util import find_spec

    from residual.models.keras_file import save_model

    if find_spec("tensorflow") is None:
        raise RunError(f"{format} is written by TensorFlow, which is not installed: pip install tensorflow.")
    with tempfile.TemporaryDirectory() as folder:
        save_model(model, Path(folder) / "model.keras", {})
        (Path(folder) / "card.json").write_text(card.to_json(), "utf-8")
        command = [sys.executable, "-c", _RUN, folder, format, os.path.abspath(path)]
        environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["it was ended"]
        raise RunError(f"TensorFlow could not write {path}: {first_line(Exception(last[0]))}")


def main(folder: str, format: str, path: str) -> None:
    """Write the network in `folder`, in the child process."""
    from residual.backend import import_keras_quietly

    import_keras_quietly()
    from residual.exporters.formats import EXPORTERS
    from residual.models.keras_file import load_model

    model, _ = load_model(Path(folder) / "model.keras")
    card = parse_card((Path(folder) / "card.json").read_bytes(), folder)
    EXPORTERS[format].write(model, card, Path(path), card.precision)


def take_bytes(model: "keras.Model", card: ModelCard) -> "keras.Model":
    """The network with a uint8 input called "image"."""
    import keras

    pixels: Any = keras.Input((*card.image_size, 3), dtype="uint8", name="image")
    return keras.Model(pixels, model(keras.ops.cast(pixels, "float32"), training=False), name="exported")
