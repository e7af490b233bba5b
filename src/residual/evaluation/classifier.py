"""A network with what is needed to show it images: the names of its outputs and the pixels that it takes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from residual._text import describe_value
from residual.data.preprocessing import Preprocessing
from residual.errors import RunError
from residual.trust.facts import TrustFacts

DEFAULT_PIXELS = "0-255"
# What the program around a network did to raw pixels before it called the network.
PIXELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    DEFAULT_PIXELS: lambda x: x,
    "0-1": lambda x: x.astype(np.float32) / 255,
    "-1-1": lambda x: x.astype(np.float32) / 127.5 - 1,
}


@dataclass(frozen=True)
class Classifier:
    """A network and how to use it.

    Attributes:
        model: takes (n, height, width, 3) and returns (n, classes) probabilities: a Keras model or an `EngineNetwork`,
            whose `predict` and `input_shape` are all that predictions use.
        classes: names of the outputs; "output 0", "output 1", ... if nobody has named them.
        named: whether the file or the user named the outputs.
        pixels: the range that the model takes, a key of `PIXELS`.
        white: the grey value that stands for white in images of more than 8 bits; None for the usual one.
        note: what to know before one trusts its answers; "" if there is nothing.
        facts: by which its answers are judged; None of a model file.
        preprocessing: how a photo is scaled and cut, if the weights of the network come from elsewhere; None scales it
            to cover the size of the network, as training here does.
    """

    model: Any
    classes: tuple[str, ...]
    named: bool = True
    pixels: str = DEFAULT_PIXELS
    white: float | None = None
    note: str = ""
    facts: TrustFacts | None = None
    preprocessing: Preprocessing | None = None


def make_classifier(
    model: Any,
    where: str,
    info: dict,
    classes: Sequence[str] | None = None,
    pixels: str | None = None,
) -> Classifier:
    """The classifier of a model file.

    Args:
        model: as Keras loaded it.
        where: the file, for messages.
        info: what `residual` wrote beside the model; {} if another program wrote the file.
        classes: names of the outputs, in place of those in the file.
        pixels: a key of `PIXELS`; None for raw pixels, with a note if the file does not say so.

    Raises:
        RunError: if the model is not a classifier, or names and outputs differ in number.
    """
    shape = getattr(model, "output_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise RunError(f"{where} is not a classifier: its output must be (n, classes), not {shape}.")
    if pixels is not None and pixels not in PIXELS:
        raise RunError(f"pixels must be one of {', '.join(PIXELS)}; got {pixels!r}.")
    _check_info(where, info, shape[1], classes is None)
    names = list(classes) if classes is not None else info.get("classes")
    if names is not None and len(names) != shape[1]:
        raise RunError(
            f"classes must name each of the {shape[1]} outputs of {where}; got {len(names)} names."
        )
    return Classifier(
        model,
        tuple(names or (f"output {i}" for i in range(shape[1]))),
        names is not None,
        pixels or DEFAULT_PIXELS,
        info.get("white"),
        "" if pixels is not None else _describe_pixels(model, where, info),
        preprocessing=_read_preprocessing(where, info, shape=model.input_shape),
    )


def _read_preprocessing(where: str, info: dict, shape: tuple) -> Preprocessing | None:
    """How photos are scaled and cut for imported weights, from residual.json; None if it does not say."""
    table = info.get("preprocessing")
    if table is None:
        return None
    try:
        found = Preprocessing.from_dict(table)
    except RunError as error:
        raise RunError(f"{where} is damaged: residual.json in it cannot be read ({error}).") from None
    if (found.height, found.width) != shape[1:3]:
        raise RunError(
            f"{where} is damaged: residual.json in it must have a preprocessing for images of "
            f"{shape[1]}x{shape[2]} pixels; got {found.height}x{found.width}."
        )
    return found


def _check_info(where: str, info: Any, outputs: int, with_count: bool) -> None:
    """Refuse a residual.json that `residual` did not write.

    Args:
        where: the file, for messages.
        info: its content.
        outputs: of the network.
        with_count: whether the names must be as many.

    Raises:
        RunError: saying what is wrong.
    """
    is_table = isinstance(info, dict)
    names, white = (info.get("classes"), info.get("white")) if is_table else (None, None)
    wrong = ""
    if not is_table:
        wrong = f"a table; got {describe_value(info)}"
    elif names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        wrong = f"a list of names, classes; got {describe_value(names)}"
    elif white is not None and (isinstance(white, bool) or not isinstance(white, int | float) or white <= 0):
        wrong = f"a positive number as white; got {describe_value(white)}"
    elif with_count and names is not None and len(names) != outputs:
        wrong = f"{outputs} names, classes, one for each output; got {len(names)}"
    if wrong:
        raise RunError(f"{where} is damaged: residual.json in it must have {wrong}.")


def _describe_pixels(model: Any, where: str, info: dict) -> str:
    """A note if neither the file nor a first layer of the network says which pixels it takes."""
    import keras

    scaling = (keras.layers.Rescaling, keras.layers.Normalization)
    trained_here = bool(info) and "converted_from" not in info
    if trained_here or any(isinstance(layer, scaling) for layer in model.layers):
        return ""
    others = " or ".join(name for name in PIXELS if name != DEFAULT_PIXELS)
    return (
        f"{where} does not say which pixels it takes. It gets raw ones, from 0 to 255. If its program scaled them, "
        f"use `pixels` {others}."
    )
