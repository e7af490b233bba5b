"""Import an HDF5 model of Keras 1, Keras 2 or TensorFlow 1.

    network  = the one of the zoo that the layer names mean, or the file's own configuration
    arrays   -> each into its layer, exactly once, read back

If the file has a configuration, it decides: a network of the zoo is used only if it gives the same
predictions as the network that the configuration describes.
"""

from pathlib import Path

import h5py
import keras
import numpy as np

from residual.data.preprocessing import Preprocessing
from residual.errors import NetworkError, RunError
from residual.importers.assign import assign_arrays
from residual.importers.imported import Imported, ImportOptions
from residual.importers.keras_h5.config import Rebuilt, rebuild_network
from residual.importers.keras_h5.file import ModelFile, open_model_file
from residual.importers.keras_h5.recognize import Candidate, find_candidates, find_gaps
from residual.importers.preprocessing import make_pixel_layer, reverse_channels
from residual.models.build import build_network, raise_recursion_limit

LABEL: str = "an HDF5 model of Keras (.h5, .hdf5)"
OWN = "its own configuration"


def matches(path: Path) -> bool:
    """Whether the file is HDF5, or is named so."""
    return path.suffix.lower() in (".h5", ".hdf5") or h5py.is_hdf5(path)


def load(path: Path, options: ImportOptions) -> Imported:
    """The network in an HDF5 file, with all its arrays.

    Raises:
        RunError: the file is not a Keras model, is cut short or incomplete, holds a layer that is not stock or
            needs code, or fits no network. The message names the layer.
    """
    with open_model_file(path) as file:
        if file.config is None:
            return _import_weights(file, options)
        return _import_model(file, options)


def _import_model(file: ModelFile, options: ImportOptions) -> Imported:
    """The network of the file's configuration; as one of the zoo, if both predict the same."""
    try:
        own = rebuild_network(file.config)
    except RunError as error:
        raise RunError(f"{file.path}: {error}") from None
    arrays = assign_arrays(file.path, file.layers, own.model, own.layers)
    for candidate in _sort_candidates(file, own):
        same = _build_if_same(file, own, candidate)
        if same is not None:
            known = _find_preprocessing(candidate, own.model.input_shape[1:], options)
            if options.raw_pixels or known is not None:
                same, _ = _build(file, candidate, own.model.input_shape[1:], options.raw_pixels, known)
            notes = (*own.notes, *_describe_stem(candidate))
            return Imported(same, candidate.spec.name, arrays, notes, candidate.pixels, known)
    if options.raw_pixels:
        own = rebuild_network(file.config, raw_pixels=True)
        assign_arrays(file.path, file.layers, own.model, own.layers)
    return Imported(own.model, OWN, arrays, own.notes)


def _import_weights(file: ModelFile, options: ImportOptions) -> Imported:
    """The network that the layer names of a file without a configuration mean."""
    found = [
        candidate
        for candidate in find_candidates(file)
        if not candidate.is_course or candidate.spec.stem_end == options.stem_end
    ]
    if not found:
        raise RunError(_explain_unknown(file))
    errors = []
    for candidate in found:
        side = options.image_size or candidate.image_size
        known = _find_preprocessing(candidate, (side, side, 3), options)
        try:
            model, arrays = _build(file, candidate, (side, side, 3), options.raw_pixels, known)
        except NetworkError as error:
            raise RunError(f"{file.path}: {error}") from None
        except RunError as error:
            errors.append(error)
            continue
        notes = _describe_assumptions(candidate, side, options.image_size)
        return Imported(model, candidate.spec.name, arrays, notes, candidate.pixels, known)
    raise errors[0]


def _find_preprocessing(candidate: Candidate, input_shape, options: ImportOptions) -> Preprocessing | None:
    """What published weights expect of a photo, at the size of the network; None if the user says something else."""
    height, width = input_shape[:2]
    if candidate.preprocessing is None or options.raw_pixels or height != width or not height:
        return None
    return candidate.preprocessing.at_size(height)


def _build(
    file: ModelFile,
    candidate: Candidate,
    input_shape,
    raw_pixels: bool,
    preprocessing: Preprocessing | None = None,
) -> tuple[keras.Model, int]:
    """A network of the zoo with the file's weights, and how many arrays they are."""
    first = keras.layers.Rescaling(1 / 255, name="pixels") if raw_pixels else None
    if preprocessing is not None:
        first = make_pixel_layer(preprocessing)
    model = build_network(candidate.spec, input_shape, candidate.classes, first)
    layers = {theirs: model.get_layer(ours) for theirs, ours in candidate.layers.items()}
    arrays = assign_arrays(file.path, file.layers, model, layers)
    if preprocessing is not None and preprocessing.channels == "bgr":
        reverse_channels(next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)))
    return model, arrays


def _sort_candidates(file: ModelFile, own: Rebuilt) -> list[Candidate]:
    """The candidates; those whose stem ends as the file's own does come first."""
    layers = [own.layers[name] for name in file.layers]
    norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    pools = [layer for layer in own.model.layers if isinstance(layer, keras.layers.MaxPooling2D)]
    pooled = bool(norms) and any(layer.input is norms[0].output for layer in pools)
    stem_end = "norm" if pooled else "norm-relu"
    return sorted(find_candidates(file), key=lambda candidate: candidate.spec.stem_end != stem_end)


def _build_if_same(file: ModelFile, own: Rebuilt, candidate: Candidate) -> keras.Model | None:
    """The network of the zoo with the file's weights, or None if it does not predict what `own` predicts."""
    if len(own.model.inputs) != 1 or len(own.model.outputs) != 1 or len(own.model.input_shape) != 4:
        return None
    try:
        model, _ = _build(file, candidate, own.model.input_shape[1:], raw_pixels=False)
    except (RunError, NetworkError, ValueError):  # another network with the same names
        return None
    head = next(name for name, ours in candidate.layers.items() if model.get_layer(ours) is model.layers[-1])
    images = _draw_noise(own.model.input_shape, candidate.spec.total_stride)
    before = _compute_ends(own.model, own.layers[head], images)
    after = _compute_ends(model, model.layers[-1], images)
    return model if all(map(_are_same, before, after)) else None


def _draw_noise(shape: tuple, stride: int) -> np.ndarray:
    """Two images of uniform noise, (2, height, width, channels)."""
    sides = [side or 2 * stride for side in shape[1:3]]
    return np.random.default_rng(0).random((2, *sides, shape[3]), dtype=np.float32)


def _compute_ends(model: keras.Model, head: keras.layers.Layer, images: np.ndarray) -> list[np.ndarray]:
    """The input and the output of the last layer. (A softmax alone may be saturated.)"""
    with raise_recursion_limit():
        both = keras.Model(model.input, [head.input, model.output])
    return [keras.ops.convert_to_numpy(value) for value in both(images, training=False)]


def _are_same(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal to rounding; numbers that are not finite equal nothing."""
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return False
    return bool(np.abs(a - b).max() <= 1e-5 * max(np.abs(a).max(), 1e-5))


def _describe_stem(candidate: Candidate) -> tuple[str, ...]:
    if not candidate.is_course or candidate.spec.stem_end == "norm-relu":
        return ()
    return ("This course-resnet50 has no ReLU after the norm of its stem, according to the file.",)


def _describe_assumptions(candidate: Candidate, side: int, image_size: int | None) -> tuple[str, ...]:
    """Notes on what a file without a configuration leaves open."""
    notes = [f"The file holds weights alone; the names of its layers are those of {candidate.spec.name}."]
    if image_size is None:
        notes.append(f"It does not say the size of its images: {side}x{side} is assumed.")
    if candidate.is_course:
        there = "a" if candidate.spec.stem_end == "norm-relu" else "no"
        notes.append(
            "It does not say either whether a ReLU follows the norm of the stem; the course's notebooks differ. "
            f"Here {there} ReLU is assumed (stem_end={candidate.spec.stem_end!r}). Check a few predictions."
        )
    return tuple(notes)


def _explain_unknown(file: ModelFile) -> str:
    names = list(file.layers)
    some = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "") or "none"
    gaps = find_gaps(file)
    missing = f" By its numbering {', '.join(gaps[:3])} may be missing." if gaps else ""
    return (
        f"{file.path} holds weights alone, and its {len(names)} layers with arrays ({some}) are not those of "
        f"a known network.{missing} Load the weights in the program that wrote them and save the whole model "
        "there, with model.save(...)."
    )
