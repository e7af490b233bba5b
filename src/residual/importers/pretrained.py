"""Trained weights as a network: where a name leads, what a .keras file says, and under which terms they stand."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import keras

from residual._keras_graph import call_again, is_functional, make_copier
from residual._text import describe_value, first_line
from residual.data.preprocessing import Preprocessing
from residual.errors import NetworkError, ResidualWarning, RunError
from residual.importers.imported import Imported
from residual.importers.licenses import describe_license, find_terms, is_non_commercial, read_model_card
from residual.importers.names import find_published, find_weights, guess_name
from residual.importers.zoo_name import are_same
from residual.models import zoo
from residual.models.build import raise_recursion_limit
from residual.models.keras_file import load_model


class Found(NamedTuple):
    """Where weights lie.

    Attributes:
        path: the file or folder.
        name: that they are published under; None if they have none, or nobody knows it.
        is_named: whether the user gave the name, not the path.
    """

    path: Path
    name: str | None
    is_named: bool


def resolve_weights(weights: str | Path) -> Found:
    """The file or folder of weights.

    Args:
        weights: a path, or a name such as "torchvision/resnet50.v2"; a path that exists comes first.

    Raises:
        RunError: the weights with that name are not on this machine and cannot be downloaded.
    """
    path = Path(weights).expanduser()
    if path.exists() or find_published(str(weights)) is None:
        return Found(path, guess_name(path), False)
    return Found(find_weights(str(weights)), str(weights), True)


def add_terms(imported: Imported, found: Found) -> Imported:
    """An imported network with its licence and origin, as far as they are known, and notes on them.

    Args:
        imported: the network.
        found: where its weights lie.

    Warns:
        ResidualWarning: the licence forbids commercial use.
    """
    path, name, _ = found
    terms = find_terms(name) if name is not None else None
    license = imported.license or (read_model_card(path) if path.is_dir() else None)
    if license is None and terms is not None:
        license = terms.license
    said = describe_license(license, terms is not None and terms.is_imagenet) if terms or license else ()
    if is_non_commercial(license):
        warnings.warn(said[0], ResidualWarning, stacklevel=3)
    if terms is not None and license == terms.license and license is not None:
        said = (f"Licence: {license} ({terms.source}).", *said)
    known = {"license": license, "origin": imported.origin or name}
    return replace(imported, notes=(*imported.notes, *said), **known)


def check_network(imported: Imported, network: str | None, path: str | Path) -> None:
    """Refuse weights of another network than the one that is asked for.

    Args:
        imported: what a file holds.
        network: by its name here, or in torchvision and timm; None for any.
        path: the file, for the message.

    Raises:
        RunError: naming both.
    """
    if network is None or _strip_name(network) == _strip_name(imported.network):
        return
    try:
        is_same = are_same(zoo.find_spec(imported.network), zoo.find_spec(network))
    except NetworkError:  # a name of another library, or a network that is none of the zoo's
        is_same = False
    if not is_same:
        raise RunError(f"{path} must hold {network}; by its arrays it holds {imported.network}.")


def _strip_name(network: str) -> str:
    """What the names of one network have in common: resnet50v1.5 here is resnet50 in torchvision."""
    name = re.sub(r"^(torchvision|timm)[/-]", "", network.lower())
    name = re.sub(
        r"^resnetv2_(\d+x\d+)_bit", r"bit-resnet\1", re.sub(r"^resnetv2_(\d+)(d?)$", r"resnet\1v2\2", name)
    )
    return re.sub(r"[-_]|v1\.5$|^keras-", "", name)


def open_keras_file(path: Path, image_size: int | None) -> Imported:
    """The network of a .keras file, with what `residual` wrote beside it.

    Args:
        path: ends in .keras.
        image_size: pixels a side that the network is to take; None for what it takes already.

    Raises:
        RunError: the file cannot be loaded, holds no functional network of one RGB image, or not at that size.
    """
    model, info = load_model(path)
    shape = getattr(model, "input_shape", None)
    if not is_functional(model) or not isinstance(shape, tuple) or len(shape) != 4 or shape[3] != 3:
        raise RunError(
            f"{path} must be a functional network of RGB images; got inputs {describe_value(shape)}."
        )
    known = info if isinstance(info, dict) else {}
    if image_size is not None and shape[1:3] != (image_size, image_size):
        model = resize_input(model, image_size, path)
    preprocessing = read_preprocessing(known)
    if preprocessing is not None and image_size is not None:
        preprocessing = preprocessing.at_size(image_size)
    return Imported(
        model,
        str(known.get("network", model.name)),
        len(model.weights),
        (),
        preprocessing=preprocessing,
        license=known.get("license"),
        origin=known.get("origin"),
        classes=_read_classes(known),
    )


def read_preprocessing(info: dict[str, Any]) -> Preprocessing | None:
    """What the weights of a .keras file expect of a photo, if the file says it.

    Raises:
        RunError: a field that is unknown or out of its range.
    """
    table = info.get("preprocessing")
    return None if table is None else Preprocessing.from_dict(table)


def _read_classes(info: dict[str, Any]) -> tuple[str, ...] | None:
    classes = info.get("classes")
    return None if not isinstance(classes, Sequence) else tuple(map(str, classes))


def resize_input(model: keras.Model, image_size: int, path: Path) -> keras.Model:
    """A copy of a functional network that takes RGB images of another size, with the same weights.

    Args:
        model: takes (n, height, width, 3).
        image_size: pixels a side.
        path: the file of the network, for messages.

    Raises:
        RunError: the network fits only the size that it was made for.
    """
    image = keras.Input((image_size, image_size, 3), name=model.inputs[0].name)
    try:
        with raise_recursion_limit():
            outputs = call_again(model, [image], make_copier())
            return keras.Model(image, outputs[0], name=model.name)
    except (TypeError, ValueError) as error:  # Keras raises whatever the layer raises that does not fit
        sides = "x".join(map(str, model.input_shape[1:3]))
        raise RunError(
            f"{path} takes images of {sides} pixels and cannot take `image_size` {image_size}: {first_line(error)}"
        ) from None
