"""HDF5 pairs in the layout of the SIGNS files: train_set_x, train_set_y, test_set_x, test_set_y, list_classes."""

from pathlib import Path

import numpy as np

from residual.data.images import Dataset, Images, checked
from residual.errors import DataError


def find_pair(folder: Path) -> tuple[Path, Path] | None:
    """The files train*.h5 and test*.h5 of a folder, or None where there is not exactly one of each."""
    found = []
    for part in ("train", "test"):
        files = sorted(file for suffix in ("h5", "hdf5") for file in folder.glob(f"{part}*.{suffix}"))
        if len(files) != 1:
            return None
        found.append(files[0])
    return found[0], found[1]


def load_pair(train: Path, test: Path, name: str) -> Dataset:
    """Both files of a pair as a Dataset.

    Raises:
        DataError: when a file is missing, is not HDF5, is damaged or lacks an array.
    """
    x_train, y_train, class_names = _read(train, "train")
    x_test, y_test, _ = _read(test, "test")
    count = int(max(y_train.max(initial=0), y_test.max(initial=0))) + 1
    classes = class_names if len(class_names) >= count else tuple(str(i) for i in range(count))
    return Dataset(
        name,
        checked(x_train, y_train, len(classes), str(train)),
        _same_size(checked(x_test, y_test, len(classes), str(test)), x_train, test),
        classes,
        f"{name} from {train} ({len(x_train):,} images) and {test} ({len(x_test):,} images)",
    )


def load_file(path: Path) -> Dataset:
    """A pair from one path: a file that holds both parts, or one of two files side by side."""
    with _open(path) as file:
        keys = set(file)
    if {"train_set_x", "test_set_x"} <= keys:
        return load_pair(path, path, path.stem)
    pair = find_pair(path.parent)
    if pair is None:
        raise DataError(
            f"{path} has no partner: one file must hold train_set_x, train_set_y, test_set_x and test_set_y, "
            f"or train*.h5 and test*.h5 must stand side by side. It holds {', '.join(sorted(keys)) or 'nothing'}."
        )
    return load_pair(*pair, name=path.parent.name or path.stem)


def _read(path: Path, part: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    keys = (f"{part}_set_x", f"{part}_set_y")
    with _open(path) as file:
        missing = [key for key in keys if key not in file]
        if missing:
            raise DataError(
                f"{path} lacks the array {' and '.join(missing)}; it holds {', '.join(sorted(file)) or 'nothing'}."
            )
        try:
            x, y = (np.asarray(file[key]) for key in keys)
            classes = np.asarray(file["list_classes"]) if "list_classes" in file else np.array([])
        except (OSError, TypeError, ValueError) as error:
            raise DataError(f"{path} is damaged: {str(error).splitlines()[0]}. Copy or download it again.") from None
    return x, y, tuple(_text(value) for value in classes)


def _open(path: Path):
    import h5py

    try:
        return h5py.File(path, "r")
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except OSError as error:
        reason = "truncated" if "truncated" in str(error) else "not an HDF5 file, or damaged"
        raise DataError(f"{path} cannot be opened: {reason}. Copy or download it again.") from None


def _text(value) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _same_size(images: Images, x_train: np.ndarray, path: Path) -> Images:
    if images.x.shape[1:3] != x_train.shape[1:3]:
        raise DataError(
            f"{path}: test images are {images.x.shape[1]}x{images.x.shape[2]}, training images "
            f"{x_train.shape[1]}x{x_train.shape[2]}; both must have one size."
        )
    return images
