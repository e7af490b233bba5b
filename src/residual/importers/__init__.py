"""Networks that other programs wrote become .keras files, or models to train further.

A format is one module with a `LABEL`, `matches` and `load`, and one row in `IMPORTERS`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import keras
import numpy as np

from residual._text import describe_value
from residual.errors import RunError
from residual.importers import keras_h5, keras_hub, onnx_weights, torch_weights, transformers_folder
from residual.importers.imported import Converted, Imported, Importer, ImportOptions
from residual.importers.pretrained import Found, add_terms, check_network, open_keras_file, resolve_weights
from residual.models.keras_file import save_model

__all__ = [
    "IMPORTERS",
    "Converted",
    "ImportOptions",
    "Imported",
    "Importer",
    "convert",
    "find_importer",
    "load_weights",
    "open_pretrained",
]

# The first that matches imports.
IMPORTERS: dict[str, Importer] = {
    "keras-h5": keras_h5,
    "onnx": onnx_weights,
    "keras-hub": keras_hub,
    "transformers": transformers_folder,
    "torch": torch_weights,
}


def convert(
    source: str | Path,
    target: str | Path | None = None,
    *,
    raw_pixels: bool = False,
    image_size: int | None = None,
    classes: Sequence[str] | None = None,
    overwrite: bool = False,
    stem_end: Literal["norm-relu", "norm"] = "norm-relu",
    network: str | None = None,
) -> Converted:
    """Write the model in `source` as a .keras file that opens in plain Keras 3.

    Code in `source` is never run.

    Args:
        source: a file or folder in one of the formats of `IMPORTERS`: a whole model, or the weights alone of a network
            that can be recognized; or a name such as "torchvision/resnet50.v2".
        target: the .keras file; by default `source` with that ending, and in the working folder for a name.
        raw_pixels: divide the pixels by 255 in a first layer, so that the network takes raw 0-255 RGB. Right if
            the old program did just that before it called the network.
        image_size: pixels a side, if the file holds weights alone.
        classes: names of the outputs in their order; None leaves them without names.
        overwrite: replace `target` if it exists.
        stem_end: what follows the first convolution of the course's ResNet-50, if the file holds weights alone:
            the notebooks of the course differ in that ReLU, and no array shows it.
        network: the network that `source` must hold, by its name in the zoo; None for the one that it holds.

    Returns:
        The model, its file and what to know about them. `str` of it is a report.

    Raises:
        RunError: `source` is missing, of an unknown format, cut short or incomplete, holds a layer that is not
            stock or needs code, or fits no network; or `target` exists. The message names the layer.
    """
    found = resolve_weights(source)
    path = found.path
    target = _check_target(_choose_target(found) if target is None else Path(target), overwrite)
    options = ImportOptions(raw_pixels, image_size, stem_end, network)
    imported = add_terms(find_importer(path).load(path, options), found)
    check_network(imported, network, path)
    model = imported.model
    outputs = model.outputs[0].shape[-1]
    if classes is not None and len(classes) != outputs:
        raise RunError(f"classes must be {outputs} names, one for each output; got {len(classes)}.")
    names = imported.classes if classes is None else classes
    notes = (
        *imported.notes,
        *_describe_damage(model),
        _describe_pixels(model, raw_pixels, imported),
    )
    known = {"license": imported.license, "origin": imported.origin}
    if imported.preprocessing is not None:
        known["preprocessing"] = imported.preprocessing.to_dict()
    info = {
        **({"classes": list(names)} if names is not None else {}),
        "image_size": list(model.inputs[0].shape[1:3]),
        "network": imported.network,
        "converted_from": path.name,
        "notes": list(notes),
        **{key: value for key, value in known.items() if value is not None},
    }
    save_model(model, target, info)
    facts = (imported.network, imported.arrays, model.count_params(), notes)
    return Converted(path, target, model, *facts, imported.preprocessing, imported.license, imported.origin)


def open_pretrained(weights: str | Path, *, image_size: int | None = None) -> Imported:
    """The network of trained weights, ready to predict or to be trained further.

    Args:
        weights: a .keras file, a file or folder in one of the formats of `IMPORTERS`, or a name such as
            "torchvision/resnet50.v2".
        image_size: pixels a side that the network is to take; None for what the weights are usually used with.

    Returns:
        The network, and what is known about it: preprocessing, licence, origin, names of its outputs.

    Raises:
        RunError: there is no such file or folder, its format is unknown, it is damaged, or it fits no network.
    """
    found = resolve_weights(weights)
    path = found.path
    if path.suffix.lower() == ".keras" and not path.is_dir():
        return open_keras_file(path, image_size)
    return add_terms(find_importer(path).load(path, ImportOptions(image_size=image_size)), found)


def load_weights(network: str, path: str | Path, *, image_size: int | None = None) -> Imported:
    """A network with the weights of a file that another program wrote, to predict with or to train further.

    Nothing in the file is run, and nothing is written.

    Args:
        network: the network that the file must hold, by its name here ("resnext50-32x4d") or in torchvision and timm
            ("resnext50_32x4d").
        path: as `open_pretrained` takes it.
        image_size: pixels a side; None takes what the weights were published for.

    Returns:
        The network as `.model`, which takes raw RGB pixels, (n, image_size, image_size, 3) from 0 to 255; and its
        preprocessing, licence, origin and notes.

    Raises:
        RunError: `path` is missing, of an unknown format, damaged, or holds another network.
    """
    if not isinstance(network, str):
        raise RunError(
            f"network must be the name of a network, such as resnet50; got {describe_value(network)}."
        )
    imported = open_pretrained(path, image_size=image_size)
    check_network(imported, network, path)
    return imported


def find_importer(path: Path) -> Importer:
    """The importer of a file.

    Raises:
        RunError: there is no such file, or no importer for it.
    """
    if (path / "saved_model.pb").is_file():
        raise RunError(
            f"{path} is a SavedModel folder, which holds a graph and no layers. Save its model as model.h5 in the "
            "program that wrote it, and convert that."
        )
    if not path.exists():
        raise RunError(
            f"There is no model file {path}. Name a file, a folder, or published weights such as "
            "torchvision/resnet50.v2."
        )
    for importer in IMPORTERS.values():
        if importer.matches(path):
            return importer
    known = " or ".join(importer.LABEL for importer in IMPORTERS.values())
    raise RunError(f"{path} cannot be converted: its format is unknown. Give {known}.")


def _choose_target(found: Found) -> Path:
    """Beside a file or folder of the user; in the working folder if a name led elsewhere."""
    if found.is_named:
        return Path(f"{str(found.name).rsplit('/', 1)[-1]}.keras")
    path = found.path
    return path.with_name(f"{path.name}.keras") if path.is_dir() else path.with_suffix(".keras")


def _check_target(target: Path, overwrite: bool) -> Path:
    if target.suffix != ".keras":
        raise RunError(f"The converted model must be named .keras, not {target.name}.")
    if target.exists() and not overwrite:
        raise RunError(
            f"{target} exists already. Choose another `target`, or remove that file (`overwrite` does)."
        )
    if not target.parent.is_dir():
        raise RunError(f"There is no folder {target.parent} to write {target.name} into.")
    return target


def _describe_damage(model: keras.Model) -> tuple[str, ...]:
    """Notes on numbers that no training leaves: kernels of zeros (a download that stopped), nan and infinity."""
    zeros, not_finite = [], []
    for weight in model.weights:
        numbers = keras.ops.convert_to_numpy(weight)
        if weight.name == "kernel" and not np.count_nonzero(numbers):
            zeros.append(weight.path)
        if not np.isfinite(numbers).all():
            not_finite.append(weight.path)
    found = {"All zeros": zeros, "Not all finite": not_finite}
    return tuple(f"{what}, as if damaged: {', '.join(paths)}." for what, paths in found.items() if paths)


def _describe_pixels(model: keras.Model, raw_pixels: bool, imported: Imported) -> str:
    if imported.preprocessing is not None:
        return (
            "The network takes raw RGB pixels, 0 to 255, and normalizes them itself. `predict` scales and cuts a photo "
            f"as its weights expect it ({imported.preprocessing.source})."
        )
    if raw_pixels:
        return "A first layer divides by 255: the converted network takes raw RGB pixels, 0 to 255."
    scaling = (keras.layers.Rescaling, keras.layers.Normalization)
    names = [layer.name for layer in model.layers if isinstance(layer, scaling)]
    if names:
        return (
            f"The converted network scales the pixels itself, in {' and '.join(names)}: it takes what the old one "
            "took, usually raw RGB pixels, 0 to 255."
        )
    return (
        "The converted network takes pixels as the old program prepared them. The file does not say how: "
        f"usually {imported.usual_pixels}. Networks that residual trains take raw RGB pixels, 0 to 255."
    )
