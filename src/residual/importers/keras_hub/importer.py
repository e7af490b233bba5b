"""Import the preset folder of a ResNet of keras-hub, without keras-hub.

config.json           -> the network
task.json             -> its head
image_converter.json  -> the preprocessing
*.weights.h5          -> each array into its layer, exactly once
"""

from pathlib import Path

from residual.errors import NetworkError, RunError
from residual.importers.assign import assign_arrays
from residual.importers.imported import Imported, ImportOptions
from residual.importers.json_file import read_json
from residual.importers.keras_hub.arrays import open_weights
from residual.importers.keras_hub.config import read_class, read_head, read_preprocessing, read_spec
from residual.importers.keras_hub.names import list_convolutions, list_norms, name_here
from residual.importers.preprocessing import make_pixel_layer
from residual.models.build import build_network

LABEL: str = "a preset folder of keras-hub (config.json, model.weights.h5)"
_CONFIG = "config.json"


def matches(path: Path) -> bool:
    """Whether it is a folder whose config.json is of keras-hub."""
    if not (path / _CONFIG).is_file():
        return False
    try:
        table = read_json(path / _CONFIG)
    except RunError:
        return False
    return str(table.get("registered_name") or "").startswith("keras_hub>") or bool(
        read_class(table) and str(table.get("module") or "").startswith("keras_hub")
    )


def load(path: Path, options: ImportOptions) -> Imported:
    """The network in a preset folder, with all its arrays.

    Raises:
        RunError: the folder is incomplete or damaged, or holds another network than a ResNet with a classifier.
    """
    if (path / "model.weights.json").is_file():
        raise RunError(
            f"{path} keeps its weights in several files (model.weights.json), which no ResNet needs."
        )
    spec = read_spec(path / _CONFIG)
    classes = read_head(path / "task.json")
    preprocessing = read_preprocessing(path)
    side = options.image_size or (preprocessing.height if preprocessing is not None else 224)
    if preprocessing is not None:
        preprocessing = preprocessing.at_size(side)
    first = None if preprocessing is None else make_pixel_layer(preprocessing)
    try:
        model = build_network(spec, (side, side, 3), classes, first)
    except NetworkError as error:
        raise RunError(f"{path}: {error}") from None
    body = {"conv2d": list_convolutions(spec), "batch_normalization": list_norms(spec)}
    names = [name for listed in body.values() for name in listed]
    layers = {name: model.get_layer(name_here(name, spec)) for name in [*names, "predictions"]}
    with (
        open_weights(path / "model.weights.h5", body) as arrays,
        open_weights(path / "task.weights.h5", {"dense": ["predictions"]}) as head,
    ):
        count = assign_arrays(path, {**arrays, **head}, model, layers)
    notes = ["keras-hub gives logits; the network gives probabilities, by a softmax at its end."]
    if preprocessing is None:
        notes.append("The preset has no image converter: it does not say what the network expects of pixels.")
    return Imported(
        model, spec.name, count, tuple(notes), "raw pixels, as the preset's users prepare them", preprocessing
    )
