"""CIFAR-10 where it is not found: downloaded by Keras."""

import contextlib
import sys

import numpy as np

from residual._text import first_line
from residual.data import cifar10
from residual.data.arrays import hold_images
from residual.data.images import Images
from residual.data.location import Location
from residual.data.source import ArraySource
from residual.errors import DataError


class CifarDownloadReader:
    """Reads what `keras.datasets` downloads once."""

    name = "cifar-download"
    label = "CIFAR-10, downloaded by Keras"
    suffixes: tuple[str, ...] = ()
    options: frozenset[str] = frozenset()

    def matches(self, location: Location) -> bool:
        """By the name of the data, if it is nowhere on the disk."""
        return location.name == "cifar10" and location.path is None

    def open(self, location: Location) -> ArraySource:
        """The images.

        Raises:
            DataError: if there is no network; the message names both ways to get the data.
        """
        import keras

        try:
            # Keras prints its progress; standard output is for results.
            with contextlib.redirect_stdout(sys.stderr):
                train, test = keras.datasets.cifar10.load_data()
        except Exception as error:
            reason = first_line(error)[:120]
            raise DataError(
                f"cifar10 was not found and could not be downloaded ({reason}). Either connect to the internet "
                "and try again, or put the folder cifar-10-batches-py, or a folder cifar10 with train.parquet "
                "and test.parquet, where RESIDUAL_DATA or search_dir points, or in ./datasets."
            ) from None
        said = "CIFAR-10 downloaded by keras.datasets"
        return hold_images(
            {
                "train": Images(train[0], train[1].reshape(-1).astype(np.int64)),
                "test": Images(test[0], test[1].reshape(-1).astype(np.int64)),
            },
            name="cifar10",
            layout=self.label,
            where=said,
            classes=cifar10.CLASSES,
            description=said,
        )
