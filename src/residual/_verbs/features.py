"""The training images of a run that are nearest to other images, as its network sees them."""

from typing import TYPE_CHECKING, Any

from residual._open import find_owner
from residual._run import Run
from residual.errors import ResidualError

if TYPE_CHECKING:
    import numpy as np

    from residual.evaluation.classifier import Classifier
    from residual.inspection.explaining.features import NearestImage


def find_nearest(
    run_or_model: Any, network: "Classifier", pixels: "np.ndarray", data: Any = None
) -> "tuple[list[list[NearestImage]] | None, str]":
    """Training images near each image, the nearest first.

    Args:
        run_or_model: a run, its name or folder, or a model file.
        network: opened from it.
        pixels: uint8 (n, height, width, 3).
        data: the data of a run that was trained on arrays, given again.

    Returns:
        The images; or None and why there are none, "" for a model file, which has no training images.
    """
    from residual.inspection.explaining.features import NearestImage, rank_nearest, read_features

    run = run_or_model if isinstance(run_or_model, Run) else find_owner(run_or_model)
    facts = None if run is None else run.load_trust()
    if run is None:
        return None, ""
    features = read_features(network, pixels)
    if facts is None or features is None or not facts.features.size:
        return None, f"{run.path} keeps no features of its training images: the nearest ones are left out."
    try:
        train = run.load_training_images(data)
    except ResidualError as error:
        return None, f"The nearest training images are left out: {error}"
    order, cosines = rank_nearest(features, facts.features)
    return [
        [
            NearestImage(train.x[int(facts.images[i])], run.classes[int(facts.labels[i])], float(cosine))
            for i, cosine in zip(places, values, strict=True)
        ]
        for places, values in zip(order, cosines, strict=True)
    ], ""
