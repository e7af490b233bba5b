"""`image` and `preprocess_input` of old Keras: a learner's own photo as an array."""

import keras
import numpy as np

from residual.course.data import ImageDataGenerator

__all__ = ["ImageDataGenerator", "array_to_img", "img_to_array", "load_img", "preprocess_input"]

load_img = keras.utils.load_img
img_to_array = keras.utils.img_to_array
array_to_img = keras.utils.array_to_img


def preprocess_input(x, data_format: str | None = None, mode: str = "caffe") -> np.ndarray:
    """Pixels 0-255 as `keras.applications.imagenet_utils.preprocess_input` prepares them.

    Args:
        x: float or integer pixels (n, height, width, 3) or (height, width, 3).
        data_format: None, or "channels_last", the only one.
        mode: "caffe" (BGR, the mean of ImageNet subtracted), "tf" (-1 to 1) or "torch".
    """
    from keras.applications.imagenet_utils import preprocess_input as prepare

    return np.asarray(keras.ops.convert_to_numpy(prepare(np.array(x, "float32"), data_format, mode)))
