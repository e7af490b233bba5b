"""What imported weights expect of pixels, as the first layer of the network: it takes raw 0-255 RGB."""

import keras
import numpy as np

from residual.data.preprocessing import Preprocessing, prepare_image

__all__ = ["Preprocessing", "make_pixel_layer", "prepare_image", "reverse_channels"]


def make_pixel_layer(preprocessing: Preprocessing, name: str = "normalization") -> keras.layers.Layer | None:
    """The stock layer that subtracts the mean and divides by the standard deviation; None if nothing is to be done.

    The layer takes RGB. For weights that expect BGR call `reverse_channels` on the first convolution too.

    Args:
        preprocessing: of the weights.
        name: of the layer.
    """
    step = 1 if preprocessing.channels == "rgb" else -1
    mean, std = (np.array(values[::step]) for values in (preprocessing.mean, preprocessing.std))
    if not mean.any() and (std == 1).all():
        return None
    return keras.layers.Normalization(
        axis=-1, mean=mean.tolist(), variance=np.square(std).tolist(), name=name
    )


def reverse_channels(convolution: keras.layers.Layer) -> None:
    """Reverse the input channels of the kernel of a network's first convolution: BGR weights then take RGB."""
    kernel = keras.ops.convert_to_numpy(convolution.kernel)
    convolution.kernel.assign(kernel[:, :, ::-1])
