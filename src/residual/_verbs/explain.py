"""Where a network looks and what it sees, from Python: explain, save_features.

Keras is imported when the network is needed: an image that is not there is refused before that.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from residual._open import open_classifier
from residual._run import Run
from residual.backend import import_keras_quietly
from residual.backend.devices import check_device, use_device
from residual.errors import ResidualWarning

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from residual.data.images import Dataset
    from residual.inspection.explaining.explanation import ExplanationList


def explain(
    run_or_model: str | Path | Run,
    images: "str | Path | np.ndarray | Image | Sequence[str | Path | np.ndarray | Image]",
    method: str = "gradcam",
    *,
    label: str | None = None,
    layer: str | None = None,
    out: str | Path | None = None,
    classes: Sequence[str] | None = None,
    pixels: str | None = None,
    device: str = "auto",
) -> "ExplanationList":
    """Where a network looks in images: a heat map for each, and as its control that of the same network with shuffled
    weights.

    Args:
        run_or_model: a run, its name or folder, or a .keras file of a functional or Sequential model.
        images: as `predict` takes them.
        method: "gradcam", "integrated-gradients" or "occlusion".
        label: the class that the maps are about; None takes the most probable one of each image.
        layer: whose maps Grad-CAM looks at; None takes the last one with maps of 7 pixels a side.
        out: a folder for a PNG file of each image; None writes none.
        classes, pixels: as `evaluate` takes them.
        device: as `train` takes it.

    Returns:
        An Explanation for each image that can be read; a notebook shows their pictures. A warning names the others.

    Raises:
        DataError: for an unknown method or label, or if no image can be read.
        NetworkError: if the model has no graph of layers, or no such layer.
        RunError: if there is no such run or model, or one of the PNG files is there already.
    """
    from residual.evaluation.predict import find_images

    check_device(device)
    wanted = find_images(images)
    import_keras_quietly()
    from residual.inspection.explaining import check_method, explain_images, name_files, read_images
    from residual.inspection.explaining.explanation import ExplanationList

    check_method(method, layer)
    with use_device(device):
        network = open_classifier(run_or_model, classes, pixels)
        if network.note:
            warnings.warn(network.note, ResidualWarning, stacklevel=2)
        shown = read_images(network, wanted)
        files = [] if out is None else name_files(shown.names, method, Path(out))
        found = explain_images(network, shown, method, label=label, layer=layer)
    explanations = ExplanationList(found, files, shown.errors)
    for error in shown.errors:
        warnings.warn(error, ResidualWarning, stacklevel=2)
    explanations.save()
    return explanations


def save_features(
    run_or_model: str | Path | Run,
    images: "str | Path | np.ndarray | Image | Sequence[str | Path | np.ndarray | Image]",
    out: str | Path,
    *,
    data: "Dataset | Sequence[Any] | None" = None,
    classes: Sequence[str] | None = None,
    pixels: str | None = None,
    device: str = "auto",
) -> list[Path]:
    """Draw what a network makes of images: its first filters, the strongest maps of each stage, and the training images
    that are nearest in feature space.

    Args:
        run_or_model, images, classes, pixels, device: as `explain` takes them.
        out: the folder of the PNG files, one for each image.
        data: the data of a run that was trained on arrays, given again; without it the nearest images are left out.

    Returns:
        The files.

    Raises:
        DataError, NetworkError, RunError: as for `explain`.
    """
    from residual.evaluation.predict import find_images

    check_device(device)
    found = find_images(images)
    import_keras_quietly()
    from residual._verbs.features import find_nearest
    from residual.inspection.explaining import name_files, read_images
    from residual.inspection.explaining.features import draw_features

    with use_device(device):
        network = open_classifier(run_or_model, classes, pixels)
        shown = read_images(network, found)
        files = name_files(shown.names, "features", Path(out))
        nearest, note = find_nearest(run_or_model, network, shown.pixels, data)
        for text in (*shown.errors, *([note] if note else [])):
            warnings.warn(text, ResidualWarning, stacklevel=2)
        draw_features(network, shown, nearest, files)
    return files
