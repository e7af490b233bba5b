"""From a name or a path to a Dataset."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from residual.data import cifar, folders, hdf5, tables
from residual.data.images import Dataset, Images
from residual.errors import DataError

NAMES = {
    "digits": "1,797 handwritten digits that come with scikit-learn (8x8, shown as 16x16)",
    "signs": "hand signs for 0 to 5, 64x64; the real files where they are found, else drawn hands",
    "cifar10": "60,000 photos of 10 classes, 32x32; found, or downloaded by Keras",
}
SEARCHED = ("signs", "cifar10")
_DIGIT_SIZE = 16
_FOLDER_SIZE = 64


def load_data(
    data: str | Path = "digits", size: int | None = None, root: str | Path | None = None
) -> Dataset:
    """Images by name or path.

    Args:
        data: "digits", "signs", "cifar10", or a path: an HDF5 file or a folder with a pair of them, a folder
            of class folders, a cifar-10-batches-py, an .npz, or Parquet in Hugging Face's image layout.
        size: scale images to (size, size); None keeps the size of the data, and means 64 for a folder.
        root: folder to search for "signs" and "cifar10", before the one in the environment variable
            RESIDUAL_DATA and ./datasets.

    Returns:
        A Dataset of uint8 RGB images, whose `source` says what was found.

    Raises:
        DataError: when nothing is found or something cannot be read.
    """
    if root is not None and str(data) not in SEARCHED:
        raise DataError(
            f"--data (root) is the folder in which signs and cifar10 are searched for. To use the images in {root}, "
            f"name it as the data itself: residual train {root}"
        )
    if size is not None and not (isinstance(size, int) and size >= 1):
        raise DataError(f"size must be a whole number of pixels, at least 1; got {size!r}.")
    if str(data) in NAMES:
        loaded = {"digits": _digits, "signs": _signs, "cifar10": _cifar10}[str(data)](root)
    else:
        loaded = _from_path(_path(data), size)
    return loaded if size is None else loaded.resized(size)


def _from_path(path: Path, size: int | None) -> Dataset:
    if os.path.isdir(path):  # where the methods of Path raise, as for a name that is too long, this says no
        return _from_folder(path, size)
    if not os.path.exists(path):
        raise DataError(
            f"There is no data called {str(path)!r}: it is neither a file or folder "
            f"nor one of {', '.join(NAMES)}."
        )
    readers = {
        ".h5": lambda: hdf5.load_file(path),
        ".hdf5": lambda: hdf5.load_file(path),
        ".npz": lambda: tables.load_npz(path),
        ".parquet": lambda: tables.load_parquet(path, size),
    }
    if path.suffix.lower() not in readers:
        raise DataError(
            f"{path} is of no kind that can be read: allowed are {', '.join(readers)}, "
            "or a folder of class folders."
        )
    return readers[path.suffix.lower()]()


def _from_folder(path: Path, size: int | None) -> Dataset:
    if cifar.is_batches(path):
        return cifar.load_batches(path)
    if hdf5.holds_hdf5(path):
        return hdf5.load_folder(path)
    if tables.holds_parquet(path):
        return tables.load_parquet(path, size)
    return folders.load_folder(path, size or _FOLDER_SIZE)


def _path(name: str | Path) -> Path:
    """A path with ~ expanded; ~somebody unknown stays as it is, and is then not found."""
    return Path(os.path.expanduser(name))


def _places(root, *below: str) -> list[Path]:
    """Existing folders to search: root, RESIDUAL_DATA and ./datasets, each with the folders below it."""
    asked = {"--data": root, "RESIDUAL_DATA": os.environ.get("RESIDUAL_DATA")}
    for name, top in asked.items():
        if top and not os.path.isdir(_path(top)):
            raise DataError(
                f"There is no folder {top} to search for data ({name}). Name one that exists, or none."
            )
    tops = [_path(top) for top in (*asked.values(), "datasets") if top]
    return [place for top in tops for place in (top, *(top / name for name in below)) if place.is_dir()]


def _digits(root) -> Dataset:
    """scikit-learn's digits, doubled to 16x16: 8x8 pixels leave a network's last stage 2x2 to look at."""
    from sklearn.datasets import load_digits

    from residual.data.splits import stratified_split

    bunch = load_digits()
    grey = (bunch.images * (255 / 16)).round().astype(np.uint8)
    rgb = np.repeat(grey[..., None], 3, axis=-1)
    images = Images(rgb, bunch.target.astype(np.int64))
    larger, smaller = stratified_split(images.y, 0.2, seed=0)
    data = Dataset(
        "digits",
        images.take(larger),
        images.take(smaller),
        tuple("0123456789"),
        "1,797 real handwritten digits from scikit-learn (UCI), 8x8 doubled to 16x16; "
        "a fifth of each is for the test",
    )
    return data.resized(_DIGIT_SIZE)


def _signs(root) -> Dataset:
    for place in _places(root, "signs", "datasets"):
        pair = (place / "train_signs.h5", place / "test_signs.h5")
        present = [file for file in pair if file.is_file()]
        if len(present) == 1:
            missing = next(file for file in pair if file not in present)
            raise DataError(f"Found {present[0]}, but not its partner {missing}. SIGNS needs both files.")
        if present:
            return hdf5.load_pair(*pair, name="signs")
    from residual.data.hands import render_signs

    x_train, y_train, x_test, y_test = render_signs()
    source = (
        "drawn hands, a stand-in: the real SIGNS files (train_signs.h5, test_signs.h5) were not found "
        "in --data, RESIDUAL_DATA or ./datasets"
    )
    return Dataset("signs", Images(x_train, y_train), Images(x_test, y_test), tuple("012345"), source)


def _cifar10(root) -> Dataset:
    for place in _places(root, "cifar10", "cifar-10-batches-py", "datasets"):
        batches = next((f for f in (place, place / "cifar-10-batches-py") if cifar.is_batches(f)), None)
        if batches:
            return cifar.load_batches(batches)
        if cifar.is_named(place) and tables.find_parquet(place):
            return replace(tables.load_parquet(place), name="cifar10")
    return cifar.download()
