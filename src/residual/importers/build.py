"""The network that the arrays of a folder are put into, for photos as the folder says they are prepared."""

from pathlib import Path

import keras

from residual.errors import NetworkError, RunError
from residual.importers.preprocessing import Preprocessing, make_pixel_layer
from residual.models.build import build_network
from residual.models.spec import NetworkSpec

_USUAL_SIDE = 224  # of ImageNet's networks, if a folder does not say


def build_for_photos(
    spec: NetworkSpec,
    classes: int,
    preprocessing: Preprocessing | None,
    image_size: int | None,
    config: Path,
) -> tuple[keras.Model, Preprocessing | None]:
    """A network without trained weights, and the preprocessing for the size of its images.

    Args:
        spec: the network.
        classes: outputs of its softmax.
        preprocessing: what the folder says of photos; None if it says nothing.
        image_size: pixels a side; None takes those of the preprocessing.
        config: the file that describes the network, for messages.

    Raises:
        RunError: if the network cannot take images of this size.
    """
    side = image_size or (preprocessing.height if preprocessing is not None else _USUAL_SIDE)
    fitted = None if preprocessing is None else preprocessing.at_size(side)
    first = None if fitted is None else make_pixel_layer(fitted)
    try:
        return build_network(spec, (side, side, 3), classes, first), fitted
    except NetworkError as error:
        raise RunError(f"{config}: {error}") from None
