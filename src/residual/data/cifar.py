"""CIFAR-10 from the official Python batches, read without trusting their pickles."""

import pickle
from pathlib import Path

import numpy as np

from residual.data.images import Dataset, checked
from residual.errors import DataError

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_TRAIN = tuple(f"data_batch_{i}" for i in range(1, 6))


def is_batches(folder: Path) -> bool:
    """Whether a folder is a cifar-10-batches-py."""
    return (folder / "test_batch").is_file() and (folder / _TRAIN[0]).is_file()


def load_batches(folder: Path) -> Dataset:
    """The folder cifar-10-batches-py as a Dataset: 50,000 and 10,000 images of 32x32.

    Raises:
        DataError: when a batch is missing, damaged, or asks to run code.
    """
    parts = [_batch(folder / name) for name in _TRAIN]
    x, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    train = checked(x, y, len(CLASSES), str(folder))
    test = checked(*_batch(folder / "test_batch"), len(CLASSES), str(folder / "test_batch"))
    return Dataset("cifar10", train, test, CLASSES, f"CIFAR-10 from {folder}")


def download() -> Dataset:
    """CIFAR-10 through `keras.datasets`, which downloads it once.

    Raises:
        DataError: when there is no network; the message names both ways to get the data.
    """
    import keras

    try:
        (x, y), (x_test, y_test) = keras.datasets.cifar10.load_data()
    except Exception as error:
        raise DataError(
            f"cifar10 was not found and could not be downloaded ({str(error).splitlines()[0][:120]}). Either "
            "connect to the internet and try again, or put the folder cifar-10-batches-py (or train.parquet and "
            "test.parquet) where RESIDUAL_DATA or --data points, or in ./datasets."
        ) from None
    train, test = (checked(a, b, len(CLASSES), "cifar10") for a, b in ((x, y), (x_test, y_test)))
    return Dataset("cifar10", train, test, CLASSES, "CIFAR-10 downloaded by keras.datasets")


def _batch(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with path.open("rb") as file:
            batch = _ArraysOnly(file, encoding="bytes").load()
        pixels = np.asarray(batch[b"data"], np.uint8).reshape(-1, 3, 32, 32)
        labels = np.asarray(batch[b"labels"], np.int64)
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except DataError:
        raise
    except Exception as error:  # a damaged pickle raises almost anything
        raise DataError(f"{path} is not a readable CIFAR-10 batch ({error}). Unpack the archive again.") from None
    return pixels.transpose(0, 2, 3, 1), labels


class _ArraysOnly(pickle.Unpickler):
    """Unpickles dicts, lists, strings, numbers and NumPy arrays; anything else in the file is refused."""

    _ALLOWED = {
        ("numpy", "ndarray"): lambda: np.ndarray,
        ("numpy", "dtype"): lambda: np.dtype,
        ("_codecs", "encode"): lambda: _latin1,
        ("numpy.core.multiarray", "_reconstruct"): lambda: _reconstruct(),
        ("numpy._core.multiarray", "_reconstruct"): lambda: _reconstruct(),
    }

    def find_class(self, module: str, name: str):
        if (module, name) not in self._ALLOWED:
            raise DataError(
                f"The batch asks to load {module}.{name}, which no CIFAR-10 batch needs: "
                "refused, nothing was run. Download the archive from its official page."
            )
        return self._ALLOWED[module, name]()


def _reconstruct():
    return np.empty(0).__reduce__()[0]


def _latin1(text: str, encoding: str = "latin1") -> bytes:
    """What old pickles call to make bytes of text; only that one encoding."""
    return text.encode("latin1")
