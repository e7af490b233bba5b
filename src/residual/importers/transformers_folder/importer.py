"""Import the folder of a ResNet of transformers, without transformers.

config.json               -> the network, the names of its outputs
preprocessor_config.json  -> the preprocessing
model.safetensors         -> each array into its layer, exactly once
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from residual.errors import RunError
from residual.importers.assign import assign_arrays
from residual.importers.build import build_for_photos
from residual.importers.imported import Imported, ImportOptions
from residual.importers.json_file import read_json
from residual.importers.licenses import read_model_card
from residual.importers.tensor_files import Tensor, open_tensors
from residual.importers.transformers_folder.config import read_classes, read_preprocessing, read_spec

LABEL: str = "a folder of a transformers ResNet (config.json, model.safetensors)"
_FILES = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
_ROLES = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
_BLOCK = re.compile(
    r"encoder\.stages\.(\d+)\.layers\.(\d+)\.(shortcut|layer\.(\d+))\.(convolution|normalization)"
)
_CLASSIFIER = "classifier.1"
_COUNTER = "num_batches_tracked"  # of torch's batch norm; nothing is computed with it


@dataclass(frozen=True, eq=False)
class FolderArray:
    """A tensor as `assign_arrays` takes it: laid out as Keras lays it out.

    Attributes:
        name: of the tensor.
        owner: what its name begins with.
        role: of the weight in Keras.
        tensor: with its numbers.
    """

    name: str
    owner: str
    role: str
    tensor: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.tensor.shape[axis] for axis in self._order)

    @property
    def _order(self) -> tuple[int, ...]:
        return {4: (2, 3, 1, 0), 2: (1, 0)}.get(len(self.tensor.shape), tuple(range(len(self.tensor.shape))))

    def read(self) -> np.ndarray:
        """The numbers, with the outputs of a kernel last."""
        return self.tensor.read().transpose(self._order)


def matches(path: Path) -> bool:
    """Whether it is a folder, or the weights in one, whose config.json is of a ResNet of transformers."""
    folder = path if path.is_dir() else path.parent
    if not (path.is_dir() or path.name in _FILES) or not (folder / "config.json").is_file():
        return False
    try:
        table = read_json(folder / "config.json")
    except RunError:
        return False
    return "model_type" in table and "pretrained_cfg" not in table


def load(path: Path, options: ImportOptions) -> Imported:
    """The network in a folder, with all its arrays.

    Raises:
        RunError: the folder is incomplete or damaged, or holds another network than a ResNet with a classifier.
    """
    folder = path if path.is_dir() else path.parent
    config = folder / "config.json"
    spec = read_spec(config)
    file = next((folder / name for name in _FILES if (folder / name).is_file()), None)
    if file is None:
        raise RunError(
            f"{folder / _FILES[0]} is missing: the folder is incomplete. Copy or download it again."
        )
    found = open_tensors(file)
    classes = _count_classes(file, found.tensors)
    model, preprocessing = build_for_photos(
        spec, classes, read_preprocessing(folder / "preprocessor_config.json"), options.image_size, config
    )
    arrays = _list_arrays(found.tensors)
    ours = {name: name_here(name) for name in arrays}
    own = {layer.name for layer in model.layers}
    layers = {name: model.get_layer(place) for name, place in ours.items() if place in own}
    layers |= {
        layer.name: layer for layer in model.layers if layer.weights and layer.name not in ours.values()
    }
    count = assign_arrays(file, arrays, model, layers)
    notes = [
        *found.notes,
        "transformers gives logits; the network gives probabilities, by a softmax at its end.",
    ]
    if preprocessing is None:
        notes.append("preprocessor_config.json is missing: nobody says what the network expects of pixels.")
    return Imported(
        model,
        spec.name,
        count,
        tuple(notes),
        "pixels as the folder's users prepare them",
        preprocessing,
        read_model_card(folder),
        None,
        read_classes(config, classes),
    )


def _count_classes(file: Path, tensors: Mapping[str, Tensor]) -> int:
    name = f"{_CLASSIFIER}.weight"
    if name not in tensors or len(tensors[name].shape) != 2:
        raise RunError(
            f"{file} has no array {name} of shape (classes, features): it holds no classifier. Save the folder of a "
            "ResNetForImageClassification."
        )
    return tensors[name].shape[0]


def _list_arrays(tensors: Mapping[str, Tensor]) -> dict[str, list[FolderArray]]:
    """The tensors by the layer that their names begin with."""
    arrays: dict[str, list[FolderArray]] = {}
    for name, tensor in tensors.items():
        owner, _, last = name.rpartition(".")
        if last == _COUNTER:
            continue
        is_norm = owner.endswith("normalization")
        role = _ROLES.get(last, last) if is_norm else {"weight": "kernel"}.get(last, last)
        arrays.setdefault(owner, []).append(FolderArray(name, owner, role, tensor))
    return arrays


def name_here(theirs: str) -> str:
    """Our name of a layer of transformers; "" of one that no ResNet of theirs has."""
    name = theirs.removeprefix("resnet.")
    fixed = {
        "embedder.embedder.convolution": "stem_conv",
        "embedder.embedder.normalization": "stem_norm",
        _CLASSIFIER: "head_dense",
    }
    if name in fixed:
        return fixed[name]
    match = _BLOCK.fullmatch(name)
    if match is None:
        return ""
    stage, block, part, number, kind = match.groups()
    place, word = f"stage{int(stage) + 1}_block{int(block) + 1}", "conv" if kind == "convolution" else "norm"
    return f"{place}_shortcut_{word}" if part == "shortcut" else f"{place}_{word}{int(number) + 1}"
