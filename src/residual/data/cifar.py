"""CIFAR-10 from the official Python batches, read without trusting their pickles."""

import contextlib
import io
import sys
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np

from residual.data.arrays import checked
from residual.data.images import Dataset, Images
from residual.data.pickled import ArraysOnly, numbers
from residual.errors import DataError

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_TRAIN = tuple(f"data_batch_{i}" for i in range(1, 6))
ARCHIVE = "cifar-10-python.tar.gz"
_BATCHES = (*_TRAIN, "test_batch")
# The official archive has 9 members; a batch is 31 MB.
_MOST_MEMBERS, _MOST_BYTES = 100, 100 * 1024**2


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
    return _joined({name: _batch(folder / name) for name in _BATCHES}, folder)


def load_archive(path: Path) -> Dataset:
    """cifar-10-python.tar.gz as it is downloaded, read in place.

    Raises:
        DataError: when the archive or a batch is damaged, a batch is missing, or one asks to run code.
    """
    batches: dict[str, Images] = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for count, member in enumerate(archive):
                if count > _MOST_MEMBERS or member.size > _MOST_BYTES:
                    raise DataError(f"{path} is no CIFAR-10 archive: it holds {member.name!r} and more.")
                name = PurePosixPath(member.name).name
                file = archive.extractfile(member) if name in _BATCHES and member.isfile() else None
                if file is not None:
                    batches[name] = _images(file, f"{path}: {member.name}")
    except DataError:
        raise
    except Exception as error:  # a damaged header raises almost anything
        raise DataError(f"{path} is not a tar.gz that can be read ({error}). Download it again.") from None
    missing = [name for name in _BATCHES if name not in batches]
    if missing:
        raise DataError(
            f"{path} lacks {', '.join(missing)}: it is not the Python version of CIFAR-10. Download {ARCHIVE}."
        )
    return _joined(batches, path)


def _joined(batches: dict[str, Images], where: Path) -> Dataset:
    parts = [batches[name] for name in _TRAIN]
    train = Images(np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts]))
    return Dataset("cifar10", train, batches["test_batch"], CLASSES, f"CIFAR-10 from {where}")


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
            return _images(file, str(path))
    except FileNotFoundError:
        raise DataError(f"There is no file {path}. A cifar-10-batches-py has all six batches.") from None


def _images(file: IO[bytes], where: str) -> Images:
    content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise DataError(f"{where} is not a CIFAR-10 batch: it is larger than {_MOST_BYTES // 1024**2} MiB.")
    try:
        # From memory, where no more can be read than there is, whatever length the pickle tells.
        batch = ArraysOnly(io.BytesIO(content), encoding="bytes").load()
    except DataError as error:
        raise DataError(f"{where} {error}") from None
    except Exception as error:  # a damaged pickle raises almost anything
        raise _unreadable(where, error) from None
    try:
        # Files say the channels first: (n, 3 x 32 x 32).
        pixels = np.ascontiguousarray(numbers(batch[b"data"]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        labels = numbers(batch[b"labels"])
    except KeyError as error:
        raise DataError(
            f"{where} is not a CIFAR-10 batch: it lacks {error}. Unpack the archive again."
        ) from None
    except Exception as error:  # what it holds may be anything
        raise _unreadable(where, error) from None
    return checked(pixels, labels, len(CLASSES), where)


def _unreadable(where: str, error: Exception) -> DataError:
    reason = str(error) or type(error).__name__
    return DataError(f"{where} is not a readable CIFAR-10 batch ({reason}). Unpack the archive again.")
