"""An HDF5 model of Keras 1, Keras 2 or TensorFlow 1, made into a .keras file.

    network  = the one of the table that the layer names mean, or the file's own configuration
    arrays   -> each into its layer, exactly once, read back
    .keras   = the network, with what was done beside it

Where the file has a configuration it decides: a network of the table is used only when it gives the same
predictions as the network that the configuration describes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras
import numpy as np

from residual import modelfile
from residual.errors import NetworkError, RunError
from residual.interop import known
from residual.interop.h5_reader import OldFile, opened
from residual.interop.landing import land
from residual.interop.old_config import Rebuilt, rebuild
from residual.networks import deep_recursion, network

OWN = "its own configuration"


@dataclass(frozen=True)
class Converted:
    """A converted model.

    Attributes:
        model: functional, of stock layers, with the file's weights.
        target: the .keras file.
        network: the network's name in the table, or "its own configuration".
        arrays: how many arrays the file held; all are in the model.
        parameters: numbers in those arrays.
        notes: what the user should know: what the network expects, and what the file does not say.
    """

    model: keras.Model
    target: Path
    network: str
    arrays: int
    parameters: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Filled:
    """A network with the file's weights."""

    model: keras.Model
    network: str
    arrays: int
    notes: tuple[str, ...]
    pixels: str = "pixels divided by 255"


def convert(
    source: str | Path,
    target: str | Path | None = None,
    *,
    overwrite: bool = False,
    scale_inputs: bool = False,
    size: int | None = None,
    stem_end: Literal["norm-relu", "norm"] = "norm-relu",
) -> Converted:
    """Write the model in `source` as a .keras file that opens in plain Keras 3.

    Args:
        source: an HDF5 file: a whole model, or the weights alone of a network that the names of its
            layers tell.
        target: the .keras file; by default `source` with that ending.
        overwrite: replace `target` where it exists.
        scale_inputs: divide the pixels by 255 in a first layer, so that the network takes raw 0-255 RGB.
            Right where the old program did just that before it called the network.
        size: side of the images, where the file holds weights alone.
        stem_end: what follows the first convolution of the course's ResNet-50, where the file holds
            weights alone: its notebooks differ in that ReLU, and no array shows it.

    Returns:
        The model, the file and what to know about them.

    Raises:
        RunError: `source` is missing, not a Keras model, cut short or incomplete, holds a layer that is
            not stock or needs code, or fits no network; or `target` exists. Names the layer.
    """
    source, target = Path(source), _target(Path(source), target, overwrite)
    with opened(source) as file:
        if file.config is None:
            filled = _from_weights(file, scale_inputs, size, stem_end)
        else:
            filled = _from_model(file, scale_inputs)
    notes = (*filled.notes, *_damage_notes(filled.model), _pixel_note(scale_inputs, filled.pixels))
    info = {
        "classes": [str(i) for i in range(filled.model.outputs[0].shape[-1] or 0)],
        "image_size": list(filled.model.inputs[0].shape[1:3]),
        "network": filled.network,
        "converted_from": source.name,
        "notes": list(notes),
    }
    modelfile.save_model(filled.model, target, info)
    return Converted(filled.model, target, filled.network, filled.arrays, filled.model.count_params(), notes)


def _target(source: Path, target: str | Path | None, overwrite: bool) -> Path:
    target = source.with_suffix(".keras") if target is None else Path(target)
    if target.suffix != ".keras":
        raise RunError(f"The converted model must be named .keras, not {target.name}.")
    if target.exists() and not overwrite:
        raise RunError(f"{target} exists already. Choose another name, or overwrite it on purpose.")
    if not target.parent.is_dir():
        raise RunError(f"There is no folder {target.parent} to write {target.name} into.")
    return target


def _from_model(file: OldFile, scale_inputs: bool) -> _Filled:
    """The network of the file's configuration, as one of the table where both predict the same."""
    try:
        own = rebuild(file.config)
    except RunError as error:
        raise RunError(f"{file.path}: {error}") from None
    arrays = land(file, own.model, own.layers)
    for candidate in _likeliest_first(file, own):
        same = _as_known(file, own, candidate)
        if same is not None:
            if scale_inputs:
                same, _ = _build(file, candidate, own.model.input_shape[1:], scale_inputs)
            notes = (*own.notes, *_course_note(candidate))
            return _Filled(same, candidate.spec.name, arrays, notes, candidate.pixels)
    if scale_inputs:
        own = rebuild(file.config, scale_inputs=True)
        land(file, own.model, own.layers)
    return _Filled(own.model, OWN, arrays, own.notes)


def _from_weights(file: OldFile, scale_inputs: bool, size: int | None, stem_end: str) -> _Filled:
    """The network that the layer names of a file without a configuration mean."""
    found = [k for k in known.candidates(file) if not k.is_course or k.spec.stem_end == stem_end]
    if not found:
        raise RunError(_unknown(file))
    errors = []
    for candidate in found:
        side = size or candidate.side
        try:
            model, arrays = _build(file, candidate, (side, side, 3), scale_inputs)
        except NetworkError as error:
            raise RunError(f"{file.path}: {error}") from None
        except RunError as error:
            errors.append(error)
            continue
        notes = _weights_notes(candidate, side, size)
        return _Filled(model, candidate.spec.name, arrays, notes, candidate.pixels)
    raise errors[0]


def _build(file: OldFile, candidate: known.Known, input_shape, scale_inputs: bool) -> tuple[keras.Model, int]:
    """A network of the table with the file's weights, and how many arrays they were."""
    first = keras.layers.Rescaling(1 / 255, name="pixels") if scale_inputs else None
    model = network(candidate.spec, input_shape, candidate.classes, first)
    layers = {theirs: model.get_layer(ours) for theirs, ours in candidate.layers.items()}
    return model, land(file, model, layers)


def _likeliest_first(file: OldFile, own: Rebuilt) -> list[known.Known]:
    """The candidates, those first whose stem ends as the file's own does."""
    layers = [own.layers[name] for name in file.layers]
    norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    pools = [layer for layer in own.model.layers if isinstance(layer, keras.layers.MaxPooling2D)]
    pooled = bool(norms) and any(layer.input is norms[0].output for layer in pools)
    stem_end = "norm" if pooled else "norm-relu"
    return sorted(known.candidates(file), key=lambda candidate: candidate.spec.stem_end != stem_end)


def _as_known(file: OldFile, own: Rebuilt, candidate: known.Known) -> keras.Model | None:
    """The network of the table with the file's weights, where it predicts what `own` predicts."""
    if len(own.model.inputs) != 1 or len(own.model.outputs) != 1 or len(own.model.input_shape) != 4:
        return None
    try:
        model, _ = _build(file, candidate, own.model.input_shape[1:], False)
    except (RunError, NetworkError, ValueError):  # another network by the same names
        return None
    head = next(name for name, ours in candidate.layers.items() if model.get_layer(ours) is model.layers[-1])
    images = _noise(own.model.input_shape, candidate.spec.total_stride)
    before = _features(own.model, own.layers[head], images)
    after = _features(model, model.layers[-1], images)
    return model if all(map(_same, before, after)) else None


def _noise(shape: tuple, stride: int) -> np.ndarray:
    """Two images of uniform noise, (2, height, width, channels)."""
    sides = [side or 2 * stride for side in shape[1:3]]
    return np.random.default_rng(0).random((2, *sides, shape[3]), dtype=np.float32)


def _features(model: keras.Model, head: keras.layers.Layer, images: np.ndarray) -> list[np.ndarray]:
    """What goes into the last layer and what comes out. (A softmax alone may be saturated.)"""
    with deep_recursion():
        both = keras.Model(model.input, [head.input, model.output])
    return [keras.ops.convert_to_numpy(value) for value in both(images, training=False)]


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal to rounding; numbers that are not finite equal nothing."""
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return False
    return bool(np.abs(a - b).max() <= 1e-5 * max(np.abs(a).max(), 1e-5))


def _course_note(candidate: known.Known) -> tuple[str, ...]:
    if not candidate.is_course or candidate.spec.stem_end == "norm-relu":
        return ()
    return ("This course-resnet50 has no ReLU after the norm of its stem: so the file says.",)


def _weights_notes(candidate: known.Known, side: int, size: int | None) -> tuple[str, ...]:
    """What a file without a configuration leaves open."""
    notes = [f"The file holds weights alone; the names of its layers are those of {candidate.spec.name}."]
    if size is None:
        notes.append(f"It does not say the size of its images: {side}x{side} is assumed.")
    if candidate.is_course:
        there = "a" if candidate.spec.stem_end == "norm-relu" else "no"
        notes.append(
            "Nor does it say whether a ReLU follows the norm of the stem; the course's notebooks differ. "
            f"Here {there} ReLU is assumed (stem_end={candidate.spec.stem_end!r}). Check a few predictions."
        )
    return tuple(notes)


def _damage_notes(model: keras.Model) -> tuple[str, ...]:
    """Numbers that no training leaves: kernels of zeros (a download that stopped), nan and infinity."""
    zeros, strange = [], []
    for weight in model.weights:
        numbers = keras.ops.convert_to_numpy(weight)
        if weight.name == "kernel" and not np.count_nonzero(numbers):
            zeros.append(weight.path)
        if not np.isfinite(numbers).all():
            strange.append(weight.path)
    found = {"All zeros": zeros, "Not all finite": strange}
    return tuple(f"{what}, as if damaged: {', '.join(paths)}." for what, paths in found.items() if paths)


def _pixel_note(scale_inputs: bool, usual: str) -> str:
    if scale_inputs:
        return "A first layer divides by 255: the converted network takes raw RGB pixels, 0 to 255."
    return (
        "The converted network takes pixels as the old program prepared them. The file does not say how; "
        f"usual are {usual}. Networks that residual trains take raw RGB pixels, 0 to 255."
    )


def _unknown(file: OldFile) -> str:
    names = list(file.layers)
    some = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "") or "none"
    gaps = known.gaps(file)
    missing = f" By its numbering {', '.join(gaps[:3])} may be missing." if gaps else ""
    return (
        f"{file.path} holds weights alone, and its {len(names)} layers with arrays ({some}) are not those of "
        f"a known network.{missing} Load the weights in the program that wrote them and save the whole model "
        "there, with model.save(...)."
    )
