"""CIFAR-10 from the official Python batches, read without trusting their pickles."""

import contextlib
import pickle
import sys
from pathlib import Path

import numpy as np

from residual.data.arrays import checked
from residual.data.images import Dataset, Images
from residual.errors import DataError

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_TRAIN = tuple(f"data_batch_{i}" for i in range(1, 6))


def is_batches(folder: Path) -> bool:
    """Whether a folder is a cifar-10-batches-py."""
    return (folder / "test_batch").is_file() and (folder / _TRAIN[0]).is_file()


def is_named(folder: Path) -> bool:
    """Whether a folder is called cifar10: what tells CIFAR-10 from other images in the same file formats."""
    return folder.resolve().name.lower() in ("cifar10", "cifar-10")


def load_batches(folder: Path) -> Dataset:
    """The folder cifar-10-batches-py as a Dataset: 50,000 and 10,000 images of 32x32.

    Raises:
        DataError: when a batch is missing, damaged, or asks to run code.
    """
    parts = [_batch(folder / name) for name in _TRAIN]
    train = Images(np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts]))
    return Dataset("cifar10", train, _batch(folder / "test_batch"), CLASSES, f"CIFAR-10 from {folder}")


def download() -> Dataset:
    """CIFAR-10 through `keras.datasets`, which downloads it once.

    Raises:
        DataError: when there is no network; the message names both ways to get the data.
    """
    import keras

    try:
        # Keras prints its progress; standard output is for results.
        with contextlib.redirect_stdout(sys.stderr):
            (x, y), (x_test, y_test) = keras.datasets.cifar10.load_data()
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise DataError(
            f"cifar10 was not found and could not be downloaded ({reason}). Either connect to the internet "
            "and try again, or put the folder cifar-10-batches-py, or a folder cifar10 with train.parquet "
            "and test.parquet, where RESIDUAL_DATA or --data points, or in ./datasets."
        ) from None
    train, test = (checked(a, b, len(CLASSES), "cifar10") for a, b in ((x, y), (x_test, y_test)))
    return Dataset("cifar10", train, test, CLASSES, "CIFAR-10 downloaded by keras.datasets")


def _batch(path: Path) -> Images:
    try:
        with path.open("rb") as file:
            batch = _ArraysOnly(file, encoding="bytes").load()
        # Files say the channels first: (n, 3 x 32 x 32).
        pixels = np.ascontiguousarray(np.asarray(batch[b"data"]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        labels = np.asarray(batch[b"labels"])
    except FileNotFoundError:
        raise DataError(f"There is no file {path}. A cifar-10-batches-py has all six batches.") from None
    except DataError as error:
        raise DataError(f"{path} {error}") from None
    except KeyError as error:
        raise DataError(
            f"{path} is not a CIFAR-10 batch: it lacks {error}. Unpack the archive again."
        ) from None
    except Exception as error:  # a damaged pickle raises almost anything
        reason = str(error) or type(error).__name__
        raise DataError(
            f"{path} is not a readable CIFAR-10 batch ({reason}). Unpack the archive again."
        ) from None
    return checked(pixels, labels, len(CLASSES), str(path))


class _ArraysOnly(pickle.Unpickler):
    """Unpickles dicts, lists, strings, numbers and NumPy arrays; anything else in the file is refused."""

    _ALLOWED = {
        ("numpy", "ndarray"): lambda: np.ndarray,
        ("numpy", "dtype"): lambda: np.dtype,
        ("_codecs", "encode"): lambda: _latin1,
        ("numpy.core.multiarray", "_reconstruct"): lambda: _reconstruct(),
        ("numpy._core.multiarray", "_reconstruct"): lambda: _reconstruct(),
        ("numpy.core.numeric", "_frombuffer"): lambda: _from_buffer(),
        ("numpy._core.numeric", "_frombuffer"): lambda: _from_buffer(),
    }

    def find_class(self, module: str, name: str):
        if (module, name) not in self._ALLOWED:
            raise DataError(
                f"asks to load {module}.{name}, which no CIFAR-10 batch needs: refused, nothing was run. "
                "Download the archive from its official page."
            )
        return self._ALLOWED[module, name]()


def _reconstruct():
    """NumPy's own way to begin an array, wherever this release keeps it."""
    return np.empty(0).__reduce__()[0]


def _from_buffer():
    """NumPy's own way to read an array in pickles of protocol 5."""
    return np.empty(0).__reduce_ex__(5)[0]


def _latin1(text: str, encoding: str = "latin1") -> bytes:
    """What old pickles call to make bytes of text; only that one encoding."""
    return text.encode("latin1")
