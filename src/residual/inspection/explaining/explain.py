"""From a classifier and images to explanations."""

from collections.abc import Callable
from typing import Any

import numpy as np

from residual._text import describe_value
from residual.errors import DataError
from residual.evaluation.classifier import PIXELS, Classifier
from residual.inspection.explaining.control import compare_maps, shuffle_weights
from residual.inspection.explaining.explanation import Explanation, blend, normalize_heat
from residual.inspection.explaining.maps import GRADCAM, METHODS, find_gradcam
from residual.inspection.explaining.network import ExplainedNetwork
from residual.inspection.explaining.shown import ShownImages


def explain_images(
    classifier: Classifier,
    images: ShownImages,
    method: str = GRADCAM,
    *,
    label: str | None = None,
    layer: str | None = None,
    seed: int = 0,
) -> list[Explanation]:
    """Where a classifier looks in images.

    Args:
        classifier: the network and the names of its outputs.
        images: as `read_images` returns them.
        method: a key of `maps.METHODS`.
        label: the class that the maps are about; None takes the most probable one of each image.
        layer: of Grad-CAM; None takes the last one with maps of 7 pixels a side.
        seed: of the shuffled weights.

    Raises:
        DataError: for an unknown method or label.
        NetworkError: if the network is not functional, or has no such layer.
    """
    check_method(method, layer)
    network = ExplainedNetwork(classifier.model)
    cut = network.choose_cut(layer) if method == GRADCAM else None
    x = PIXELS[classifier.pixels](images.pixels).astype(np.float32)
    rows = np.asarray(network.model.predict(x, verbose=0), np.float32)
    classes = rows.argmax(1) if label is None else np.full(len(x), find_label(classifier, label))
    find: Callable[..., Any] = METHODS[method]
    heat = normalize_heat(find(network, x, classes, cut).maps)
    with shuffle_weights(network.model, seed=seed):
        control = normalize_heat(find(network, x, classes, cut).maps)
    return [
        Explanation(
            image=images.names[i],
            label=classifier.classes[kind],
            probability=float(rows[i, kind]),
            method=method,
            layer=cut.layer if cut else "",
            pixels=images.pixels[i],
            heat=heat[i],
            control=control[i],
            control_correlation=compare_maps(heat[i], control[i]),
        )
        for i, kind in enumerate(classes)
    ]


def draw_overlays(classifier: Classifier, pixels: np.ndarray, classes: np.ndarray) -> list[np.ndarray]:
    """Grad-CAM over images, without the control of `explain_images`, which takes as long again.

    Args:
        classifier: the network.
        pixels: uint8 (n, height, width, 3), as `ShownImages` has them.
        classes: (n,) of which class each map is.

    Returns:
        uint8 (height, width, 3) for each image.

    Raises:
        NetworkError: if the network is not functional, or has no layer to look at.
    """
    x = PIXELS[classifier.pixels](pixels).astype(np.float32)
    maps = find_gradcam(ExplainedNetwork(classifier.model), x, classes, None).maps
    return [blend(image, heat) for image, heat in zip(pixels, normalize_heat(maps), strict=True)]


def check_method(method: str, layer: str | None = None) -> None:
    """Refuse a method that is unknown, and a layer for one that uses none.

    Raises:
        DataError: naming the methods.
    """
    if method not in METHODS:
        raise DataError(f"method must be one of {', '.join(METHODS)}; got {describe_value(method)}.")
    if layer is not None and method != GRADCAM:
        raise DataError(f"layer must be left out with the method {method}: only {GRADCAM} looks at a layer.")


def find_label(classifier: Classifier, label: str) -> int:
    """The output of a class.

    Raises:
        DataError: if there is no such class.
    """
    if label not in classifier.classes:
        raise DataError(
            f"label must be one of {', '.join(classifier.classes[:20])}; got {describe_value(label)}."
        )
    return classifier.classes.index(label)
