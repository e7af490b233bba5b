"""CIFAR-10: what it is known by in any layout, and its official batches, read without trusting their pickles."""

import io
from pathlib import Path
from typing import IO

import numpy as np

from residual.data.arrays import hold_images
from residual.data.images import Images
from residual.data.labels import flatten_labels
from residual.data.pickled import ArraysOnly, numbers
from residual.data.source import ArraySource
from residual.errors import DataError

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
ARCHIVE = "cifar-10-python.tar.gz"
TRAIN_BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))
BATCHES = (*TRAIN_BATCHES, "test_batch")
MOST_BYTES = 100 * 1024**2  # of a batch, which has 31 MB


def is_batches(folder: Path) -> bool:
    """Whether a folder is a cifar-10-batches-py."""
    return (folder / "test_batch").is_file() and (folder / TRAIN_BATCHES[0]).is_file()


def is_named(folder: Path) -> bool:
    """Whether a folder is called cifar10: what tells CIFAR-10 from other images in the same file formats."""
    return folder.resolve().name.lower() in ("cifar10", "cifar-10")


def has_parquet_splits(folder: Path) -> bool:
    """Whether a folder has Parquet files to train on and to test on."""
    held_out = (*folder.glob("test*.parquet"), *folder.glob("val*.parquet"))
    return bool(held_out) and any(True for _ in folder.glob("train*.parquet"))


def join_batches(batches: dict[str, Images], layout: str, where: str) -> ArraySource:
    """The source of all six batches, by their names."""
    parts = [batches[name] for name in TRAIN_BATCHES]
    train = Images(np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts]))
    return hold_images(
        {"train": train, "test": batches["test_batch"]},
        name="cifar10",
        layout=layout,
        where=where,
        classes=CLASSES,
        description=f"CIFAR-10 from {where}",
    )


def read_batch_file(path: Path) -> Images:
    """One batch of a folder; DataError if it is not there, may not be read, or is damaged."""
    try:
        with path.open("rb") as file:
            return read_batch(file, str(path))
    except FileNotFoundError:
        raise DataError(f"There is no file {path}. A cifar-10-batches-py has all six batches.") from None
    except OSError as error:
        raise DataError(f"{path} may not be read: {error.strerror}. Unpack the archive again.") from None


def read_batch(file: IO[bytes], where: str) -> Images:
    """One batch, of which nothing is run or believed.

    Args:
        file: opened.
        where: what to call it in errors.

    Raises:
        DataError: if it is damaged, or asks to run code.
    """
    content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise DataError(f"{where} is not a CIFAR-10 batch: it is larger than {MOST_BYTES // 1024**2} MiB.")
    pixels, labels = pick_arrays(load_batch(io.BytesIO(content), where), b"labels", where)
    y = flatten_labels(labels, len(pixels), where)
    if pixels.dtype != np.uint8 or y.dtype != np.int64 or not len(y):
        raise DataError(f"{where} is not a CIFAR-10 batch: images are {pixels.dtype}, labels {labels.dtype}.")
    if y.min() < 0 or y.max() >= len(CLASSES):
        raise DataError(f"{where}: labels must be 0 to {len(CLASSES) - 1}, got {y.min()} to {y.max()}.")
    return Images(pixels, y)


def load_batch(file: IO[bytes], where: str):
    """What a pickle of CIFAR holds; nothing in it is run. From memory no more is read than there is.

    Raises:
        DataError: if it is damaged, or asks to run code.
    """
    try:
        return ArraysOnly(file, encoding="bytes").load()
    except DataError as error:
        raise DataError(f"{where} {error}") from None
    except Exception as error:  # a damaged pickle raises almost anything
        raise _complain(where, error) from None


def pick_arrays(batch, key: bytes, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (n, 32, 32, 3) and labels of a batch.

    Raises:
        DataError: if it lacks one of them.
    """
    try:
        # Files say the channels first: (n, 3 x 32 x 32).
        pixels = np.ascontiguousarray(numbers(batch[b"data"]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        return pixels, numbers(batch[key])
    except KeyError as error:
        raise DataError(
            f"{where} is not a CIFAR-10 batch: it lacks {error}. Unpack the archive again."
        ) from None
    except Exception as error:  # what it holds may be anything
        raise _complain(where, error) from None


def _complain(where: str, error: Exception) -> DataError:
    reason = str(error) or type(error).__name__
    return DataError(f"{where} is not a readable CIFAR-10 batch ({reason}). Unpack the archive again.")
