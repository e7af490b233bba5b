"""Import the preset folder of a ResNet of keras-hub, without keras-hub.

config.json           -> the network
task.json             -> its head
image_converter.json  -> the preprocessing
*.weights.h5          -> each array into its layer, exactly once
"""

from pathlib import Path

from residual.errors import RunError
from residual.importers.assign import assign_arrays
from residual.importers.build import build_for_photos
from residual.importers.imported import Imported, ImportOptions
from residual.importers.json_file import read_json
from residual.importers.keras_hub.arrays import open_weights
from residual.importers.keras_hub.config import read_class, read_head, read_preprocessing, read_spec
from residual.importers.keras_hub.names import list_convolutions, list_norms, name_here

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
    model, preprocessing = build_for_photos(spec, classes, read_preprocessing(path), options.image_size, path)
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
