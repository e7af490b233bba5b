"""From a name or a path to a Dataset."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from residual.data import archives, arrays, cifar, folders, hdf5, hub, manifests, named_arrays, tables
from residual.data.decoding import UNREADABLE
from residual.data.images import Dataset, Images
from residual.data.raw import Raw
from residual.errors import DataError

NAMES = {
    "digits": "1,797 handwritten digits that come with scikit-learn (8x8, shown as 16x16)",
    "signs": "hand signs for 0 to 5, 64x64; the real files where they are found, else drawn hands",
    "cifar10": "60,000 photos of 10 classes, 32x32; found, or downloaded by Keras",
}
SEARCHED = ("signs", "cifar10")
OPTIONS = "::"  # data.h5::images=x,labels=y
_DIGIT_SIZE = 16
_FOLDER_SIZE = 64
_TAKES_OPTIONS = ("arrays", "table", "hub")


@dataclass(frozen=True)
class Found:
    """Where the images are and what reads them.

    Attributes:
        kind: a key of `LAYOUTS`.
        path: the file or folder; None where there is none.
        name: the data's name in `NAMES`, or "" where a path was given.
        options: what stood behind "::".
        address: as the user wrote it, without the options.
    """

    kind: str
    path: Path = Path()
    name: str = ""
    options: dict[str, str] = field(default_factory=dict)
    address: str = ""


LAYOUTS = {
    "digits": "digits that come with scikit-learn",
    "drawn": "drawn hands",
    "download": "CIFAR-10, downloaded by Keras",
    "signs": "a pair of HDF5 files laid out as SIGNS",
    "arrays": "arrays in one file",
    "npz": "arrays in one file",
    "batches": "the official batches of CIFAR-10",
    "tar": "the official archive of CIFAR-10",
    "parquet": "Parquet in Hugging Face's image layout",
    "zip": "a zip of class folders",
    "table": "a table of paths and labels",
    "hub": "a data set of the Hugging Face hub",
    "folder": "class folders",
}


def load_data(
    data: str | Path = "digits",
    size: int | None = None,
    root: str | Path | None = None,
    unreadable: float = UNREADABLE,
) -> Dataset:
    """Images by name or path.

    Args:
        data: "digits", "signs", "cifar10", or a path: an HDF5 file or a folder with a pair of them, a folder
            of class folders or a zip of it, a cifar-10-batches-py or its tar.gz, an .npz, Parquet in Hugging
            Face's image layout, a .csv, .tsv or .jsonl of paths and labels; or "hf://owner/name". What is not
            obvious is said behind "::", as in "data.h5::images=x,labels=y" or "all.csv::label=species".
        size: scale images to (size, size); None keeps the size of the data, and means 64 for image files.
        root: folder to search for "signs" and "cifar10", before the one in the environment variable
            RESIDUAL_DATA and ./datasets.
        unreadable: share of image files (in folders, zips, tables of paths, Parquet rows and on the hub) that may
            be damaged: they are skipped, and told of in `Dataset.unreadable`.

    Returns:
        A Dataset of uint8 RGB images, whose `source` says what was found.

    Raises:
        DataError: when nothing is found or something cannot be read.
    """
    if size is not None and not (isinstance(size, int) and size >= 1):
        raise DataError(f"size must be a whole number of pixels, at least 1; got {size!r}.")
    if not 0 <= unreadable < 1:
        raise DataError(f"--unreadable must be a share from 0 to below 1; got {unreadable}.")
    found = find(data, root)
    loaded = _load(found, size, unreadable)
    return loaded if size is None else loaded.resized(size)


def find(data: str | Path, root: str | Path | None = None) -> Found:
    """Where `data` is and of what kind, without reading images.

    Raises:
        DataError: when nothing is found, or it is of no kind that can be read.
    """
    if root is not None and str(data) not in SEARCHED:
        raise DataError(
            f"--data (root) is the folder in which signs and cifar10 are searched for. To use the images in {root}, "
            f"name it as the data itself: residual train {root}"
        )
    if str(data) in NAMES:
        return {"digits": _find_digits, "signs": _find_signs, "cifar10": _find_cifar10}[str(data)](root)
    address, options = _parted(str(data))
    if address.startswith(hub.PREFIX):
        return Found("hub", options=options, address=address)
    path = _path(address)
    _check_rights(path)
    kind = _kind(path, bool(options))
    if options and kind not in _TAKES_OPTIONS:
        raise DataError(
            f"{path} is {LAYOUTS[kind]}, which takes no {OPTIONS} options; got {', '.join(options)}."
        )
    return Found(kind, path, options=options, address=address)


def _parted(data: str) -> tuple[str, dict[str, str]]:
    """The path, and the options behind it."""
    if os.path.exists(os.path.expanduser(data)):  # a name may hold "::" itself
        return data, {}
    address, _, text = data.partition(OPTIONS)
    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    if any(not (role and value) for role, _, value in pairs):
        raise DataError(f"What stands behind {OPTIONS} must be like images=x,labels=y; got {text!r}.")
    return address, {role.strip(): value.strip() for role, _, value in pairs}


def _check_rights(path: Path) -> None:
    """DataError where a file or folder is there and may not be read: libraries would call it damaged."""
    wanted = os.R_OK | os.X_OK if os.path.isdir(path) else os.R_OK
    if os.path.exists(path) and not os.access(path, wanted):
        raise DataError(
            f"{path} may not be read: permission denied. Change its rights, or name a copy of yours."
        )


def _kind(path: Path, has_options: bool) -> str:
    if os.path.isdir(path):  # where the methods of Path raise, as for a name that is too long, this says no
        return _folder_kind(path)
    if not os.path.exists(path):
        raise DataError(
            f"There is no data called {str(path)!r}: it is neither a file or folder "
            f"nor one of {', '.join(NAMES)}."
        )
    suffix = path.suffix.lower()
    kinds = {".npz": "npz", ".parquet": "parquet", ".zip": "zip", ".tgz": "tar"}
    kinds |= dict.fromkeys(manifests.SUFFIXES, "table") | dict.fromkeys((".h5", ".hdf5"), "signs")
    kind = "tar" if path.name.lower().endswith(".tar.gz") else kinds.get(suffix)
    if kind is None:
        raise DataError(
            f"{path} is of no kind that can be read: allowed are {', '.join(kinds)}, .tar.gz (of CIFAR-10), "
            "or a folder of class folders."
        )
    if kind == "signs" and (has_options or not hdf5.is_signs(path)):
        return "arrays"
    return "arrays" if kind == "npz" and has_options else kind


def _folder_kind(path: Path) -> str:
    if cifar.is_batches(path):
        return "batches"
    if hdf5.holds_hdf5(path):
        return "signs"
    return "parquet" if tables.holds_parquet(path) else "folder"


def _load(found: Found, size: int | None, unreadable: float) -> Dataset:
    path = found.path
    readers: dict[str, Callable[[], Dataset]] = {
        "digits": _digits,
        "drawn": _drawn_signs,
        "download": cifar.download,
        "signs": lambda: _signs(found),
        "arrays": lambda: arrays.to_dataset(path.stem, *named_arrays.read_arrays(path, found.options)),
        "npz": lambda: tables.load_npz(path),
        "batches": lambda: cifar.load_batches(path),
        "tar": lambda: cifar.load_archive(path),
        "parquet": lambda: tables.load_parquet(path, size, unreadable),
        "folder": lambda: folders.load_folder(path, size or _FOLDER_SIZE, unreadable),
    }
    listed = ("zip", "table", "hub")
    readers |= dict.fromkeys(listed, lambda: read_raw(found).to_dataset(size or _FOLDER_SIZE, unreadable))
    loaded = readers[found.kind]()
    return replace(loaded, name=found.name) if found.name else loaded


def read_raw(found: Found) -> Raw:
    """A zip, a table of paths or a data set of the hub, listed and not yet decoded."""
    if found.kind == "zip":
        return archives.read_zip(found.path)
    if found.kind == "table":
        return manifests.read_manifest(found.path, found.options)
    return hub.read_hub(found.address, found.options)


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


def _find_digits(root) -> Found:
    return Found("digits", name="digits")


def _find_signs(root) -> Found:
    for place in _places(root, "signs", "datasets"):
        pair = (place / "train_signs.h5", place / "test_signs.h5")
        present = [file for file in pair if file.is_file()]
        if len(present) == 1:
            missing = next(file for file in pair if file not in present)
            raise DataError(f"Found {present[0]}, but not its partner {missing}. SIGNS needs both files.")
        if present:
            return Found("signs", place, "signs")
    return Found("drawn", name="signs")


def _find_cifar10(root) -> Found:
    for place in _places(root, "cifar10", "cifar-10-batches-py", "datasets"):
        for folder in (place, place / "cifar-10-batches-py"):
            if cifar.is_batches(folder):
                return Found("batches", folder, "cifar10")
        if (place / cifar.ARCHIVE).is_file():
            return Found("tar", place / cifar.ARCHIVE, "cifar10")
        if cifar.is_named(place) and tables.find_parquet(place):
            return Found("parquet", place, "cifar10")
    return Found("download", name="cifar10")


def _digits() -> Dataset:
    """scikit-learn's digits, doubled to 16x16: 8x8 pixels leave a network's last stage 2x2 to look at."""
    from sklearn.datasets import load_digits

    from residual.data.splits import stratified_split

    pixels, labels = load_digits(return_X_y=True)
    grey = (pixels.reshape(-1, 8, 8) * (255 / 16)).round().astype(np.uint8)
    rgb = np.repeat(grey[..., None], 3, axis=-1)
    images = Images(rgb, labels.astype(np.int64))
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


def _signs(found: Found) -> Dataset:
    if found.name:  # other pairs may lie beside these two
        return hdf5.load_pair(found.path / "train_signs.h5", found.path / "test_signs.h5", found.name)
    return hdf5.load_folder(found.path) if os.path.isdir(found.path) else hdf5.load_file(found.path)


def _drawn_signs() -> Dataset:
    from residual.data.drawn_hands.hands import render_signs

    x_train, y_train, x_test, y_test = render_signs()
    source = (
        "drawn hands, a stand-in: the real SIGNS files (train_signs.h5, test_signs.h5) were not found "
        "in --data, RESIDUAL_DATA or ./datasets"
    )
    return Dataset("signs", Images(x_train, y_train), Images(x_test, y_test), tuple("012345"), source)
