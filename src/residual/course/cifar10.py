"""CIFAR-10 under the name that the notebooks give it: `cifar10.load_data()`."""

import numpy as np

from residual.data.images import Images
from residual.data.load import load_data as load_source

Arrays = tuple[np.ndarray, np.ndarray]


def load_data() -> tuple[Arrays, Arrays]:
    """(x_train, y_train), (x_test, y_test): uint8 (n, 32, 32, 3) and uint8 (n, 1), as Keras gives them.

    Found in RESIDUAL_DATA or ./datasets, else downloaded by Keras.

    Raises:
        DataError: when it is nowhere and there is no network, or a file cannot be read.
    """
    data = load_source("cifar10")
    return _arrays(data.train), _arrays(data.test)


def _arrays(images: Images) -> Arrays:
    return images.x, images.y[:, None].astype(np.uint8)
