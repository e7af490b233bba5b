"""Import a state dict of torchvision or timm.

network  = the one that names and shapes of the tensors describe
tensors  -> each into its layer, exactly once, read back
photos   = as config.json beside the file, the file's hash or its name say
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
from msgspec.structs import replace

from residual.data.preprocessing import Preprocessing
from residual.errors import NetworkError, RunError
from residual.importers.assign import assign_arrays
from residual.importers.imported import Imported, ImportOptions
from residual.importers.preprocessing import make_pixel_layer
from residual.importers.tensor_files import Tensor, is_tensor_file, open_tensors
from residual.importers.torch_weights import known
from residual.importers.torch_weights.notes import describe_differences
from residual.importers.torch_weights.places import COUNTER, Place, TorchArray, list_places
from residual.importers.torch_weights.shapes import find_spec
from residual.models.build import build_network
from residual.models.spec import NetworkSpec

LABEL: str = "weights of torchvision or timm (.pth, .safetensors)"
# Variants of timm that pool or blur before they stride: the arrays are those of the usual network.
_SMOOTHED = re.compile(r"resne(x?)t(aa|blur)")
_SHOWN = 3  # names in a message


def matches(path: Path) -> bool:
    """Whether the file is named as torch weights are, or the folder is one of timm."""
    if path.is_dir():
        return _find_in_folder(path) is not None and bool(known.read_config(path / "weights"))
    return is_tensor_file(path)


def load(path: Path, options: ImportOptions) -> Imported:
    """The network whose weights a file or folder of timm holds.

    Raises:
        RunError: the file is damaged, asks to run code, lacks an array, holds one too many or of another
            shape, or is of no ResNet. The message names the array and what was expected.
    """
    file = _find_in_folder(path) or path
    found = open_tensors(file)
    facts = _find_facts(file, options)
    tensors = {name: tensor for name, tensor in found.tensors.items() if not name.endswith(COUNTER)}
    spec = _recognize(file, tensors, facts.architecture)
    places = _check(file, spec, tensors)
    side, classes = (facts.preprocessing.height, facts.preprocessing.width), places[-1].shape[0]
    try:
        model = build_network(spec, (*side, 3), classes, make_pixel_layer(facts.preprocessing))
    except NetworkError as error:
        raise RunError(f"{file}: {error}") from None
    count = _assign(file, spec, places, tensors, model)
    left = len(found.tensors) - len(tensors)
    notes = (*found.notes, *facts.notes, *describe_differences(spec, tensors, left))
    return Imported(
        model,
        spec.name,
        count,
        notes,
        preprocessing=facts.preprocessing,
        license=facts.license,
        origin=facts.origin,
        classes=facts.classes if facts.classes and len(facts.classes) == classes else None,
    )


def _find_in_folder(path: Path) -> Path | None:
    """The weights in a folder of timm: model.safetensors, their index, or pytorch_model.bin."""
    names = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
    return next((path / name for name in names if path.is_dir() and (path / name).is_file()), None)


@dataclass(frozen=True)
class _Facts:
    """What is known of weights beside their numbers."""

    preprocessing: Preprocessing
    license: str | None = None
    origin: str | None = None
    architecture: str = ""
    classes: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()


def _find_facts(file: Path, options: ImportOptions) -> _Facts:
    """What config.json beside the file says, or the table for the file's hash or name; else what is usual."""
    facts = _read_config(file) or _find_known(file) or _assume()
    if options.image_size is None:
        return facts
    preprocessing = facts.preprocessing.at_size(options.image_size)
    return _Facts(**{**vars(facts), "preprocessing": preprocessing})


def _read_config(file: Path) -> _Facts | None:
    config = known.read_config(file)
    if not config:
        return None
    table, architecture = config["pretrained_cfg"], str(config.get("architecture", ""))
    names = config.get("label_names") or table.get("label_names")
    classes = tuple(map(str, names)) if isinstance(names, list) else None
    licence, tag = table.get("license"), table.get("tag")
    origin = f"timm {architecture}{f'.{tag}' if tag else ''}"
    preprocessing = known.read_preprocessing(config, file.parent)
    return _Facts(preprocessing, licence and str(licence), origin, architecture, classes)


def _find_known(file: Path) -> _Facts | None:
    stem = file.name.removesuffix(file.suffix)
    found = known.find_by_name(stem)
    if found is None and file.suffix != ".json":
        with file.open("rb") as stream:
            found = known.find_by_digits(hashlib.file_digest(stream, "sha256").hexdigest()[: known.DIGITS])
    if found is None:
        return None
    return _Facts(found.preprocessing, found.license, found.name, found.name.partition("/")[2])


def _assume() -> _Facts:
    usual = known.find_by_name("torchvision/resnet50.v1")
    assert usual is not None
    preprocessing = replace(usual.preprocessing, source="assumed: what torchvision's first weights expect")
    note = (
        "Neither the file nor a config.json beside it says how photos are prepared: the usual way of torchvision is "
        "assumed. Nor do they say the licence of the weights."
    )
    return _Facts(preprocessing, notes=(note,))


def _recognize(file: Path, tensors: Mapping[str, Tensor], architecture: str) -> NetworkSpec:
    if _SMOOTHED.search(f"{architecture} {file.name}"):
        raise RunError(
            f"{file} is of a network that smooths before it strides ({architecture or file.name}): it is not supported."
        )
    try:
        spec = find_spec(tensors)
    except RunError as error:
        raise RunError(f"{file}: {error}") from None
    if spec is None:
        some = ", ".join(list(tensors)[:_SHOWN]) or "none"
        raise RunError(
            f"{file} holds {len(tensors)} arrays ({some}, ...), which are not of a ResNet of torchvision or timm: "
            "expected layer1.0.conv1.weight or stages.0.blocks.0.conv1.weight among them."
        )
    return spec


def _check(file: Path, spec: NetworkSpec, tensors: Mapping[str, Tensor]) -> list[Place]:
    """The layers of the network, if the file has exactly their tensors. Nothing is built before it is known."""
    places = list_places(spec, _count_classes(file, spec, tensors))
    expected = {
        f"{place.theirs}.{suffix}": place.find_shape(suffix) for place in places for suffix in place.roles
    }
    for name, shape in expected.items():
        tensor = tensors.get(name)
        if tensor is None:
            raise RunError(f"{file}: {name} is missing; {spec.name} needs it, with shape {shape}.")
        if tensor.shape != shape:
            raise RunError(f"{file}: {name} has shape {tensor.shape}; {spec.name} needs {shape}.")
        if not tensor.is_float:
            raise RunError(f"{file}: {name} is of type {tensor.dtype}; weights must be floats.")
    extra = [name for name in tensors if name not in expected]
    if extra:
        more = f" and {len(extra) - _SHOWN} more" if len(extra) > _SHOWN else ""
        raise RunError(
            f"{file}: {', '.join(extra[:_SHOWN])}{more} have no place in {spec.name}, which the other arrays describe: "
            "it is another network."
        )
    return places


def _count_classes(file: Path, spec: NetworkSpec, tensors: Mapping[str, Tensor]) -> int:
    name = "head.fc.weight" if spec.preactivation else "fc.weight"
    wanted = f"(classes, {spec.outputs[-1]}{', 1, 1' if spec.preactivation else ''})"
    if name not in tensors:
        raise RunError(f"{file}: {name} is missing; expected {wanted}: the last layer.")
    if not tensors[name].shape or not tensors[name].shape[0]:
        raise RunError(f"{file}: {name} has shape {tensors[name].shape}; expected {wanted}.")
    return tensors[name].shape[0]


def _assign(
    file: Path, spec: NetworkSpec, places: list[Place], tensors: Mapping[str, Tensor], model: keras.Model
) -> int:
    """Assign all tensors; how many they are."""
    # BiT standardizes its kernels in every step; its classifier is a plain convolution.
    is_bit = spec.preactivation and spec.norm == "group" and spec.stem == "imagenet"
    arrays = {
        place.theirs: [
            TorchArray(
                name := f"{place.theirs}.{suffix}",
                place.theirs,
                role,
                tensors[name],
                flat=place is places[-1] and role == "kernel",
                is_standardized=is_bit and place is not places[-1] and role == "kernel",
            )
            for suffix, role in place.roles.items()
        ]
        for place in places
    }
    return assign_arrays(file, arrays, model, {place.theirs: model.get_layer(place.ours) for place in places})
