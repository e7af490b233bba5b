"""Data sets that have a name, and where they are looked for."""

import os
from collections.abc import Callable
from pathlib import Path

from residual.data import cifar10
from residual.data.location import Location, expand_home
from residual.errors import DataError

NAMES = {
    "digits": "1,797 handwritten digits that come with scikit-learn (8x8, shown as 16x16)",
    "signs": "hand signs for 0 to 5, 64x64; the real files if they are found, else drawn hands",
    "cifar10": "60,000 photos of 10 classes, 32x32; found, or downloaded by Keras",
}
SEARCHED = ("signs", "cifar10")


def find_named(name: str, search_dir: str | Path | None) -> Location:
    """Where a data set of this name is; without a path if it is not found, or comes with a library.

    Args:
        name: a key of `NAMES`.
        search_dir: folder to search, in place of the one in RESIDUAL_DATA and ./datasets.

    Raises:
        DataError: if a folder to search is not there, does not hold the data, or only half of SIGNS is there.
    """
    path = _FINDERS[name](search_dir) if name in _FINDERS else None
    if search_dir is not None and path is None:
        raise DataError(
            f"{name} is not in {search_dir} (`search_dir`): {_SOUGHT[name]}. Name the folder that holds it, or none. "
            f"To use other images in {search_dir}, name it as the data itself."
        )
    return Location(name, path=path, name=name)


def is_held(name: str, search_dir: str | Path) -> bool:
    """Whether a folder holds the data set of this name."""
    return os.path.isdir(expand_home(search_dir)) and _FINDERS[name](search_dir) is not None


def _list_places(search_dir: str | Path | None, *below: str) -> list[Path]:
    """Existing folders to search, each with the folders below it: search_dir, or else RESIDUAL_DATA and ./datasets."""
    usual = {"RESIDUAL_DATA": os.environ.get("RESIDUAL_DATA")}
    asked = usual if search_dir is None else {"search_dir": search_dir}
    for name, top in asked.items():
        if top and not os.path.isdir(expand_home(top)):
            raise DataError(
                f"There is no folder {top} to search for data (`{name}`). Name one that exists, or none."
            )
    more = ("datasets",) if search_dir is None else ()
    tops = [expand_home(top) for top in (*asked.values(), *more) if top]
    return [place for top in tops for place in (top, *(top / name for name in below)) if place.is_dir()]


def _find_signs(search_dir: str | Path | None) -> Path | None:
    for place in _list_places(search_dir, "signs", "datasets"):
        pair = (place / "train_signs.h5", place / "test_signs.h5")
        present = [file for file in pair if file.is_file()]
        if len(present) == 1:
            missing = next(file for file in pair if file not in present)
            raise DataError(f"Found {present[0]}, but not its partner {missing}. SIGNS needs both files.")
        if present:
            return place
    return None


def _find_cifar10(search_dir: str | Path | None) -> Path | None:
    for place in _list_places(search_dir, "cifar10", "cifar-10-batches-py", "datasets"):
        for folder in (place, place / "cifar-10-batches-py"):
            if cifar10.is_batches(folder):
                return folder
        if (place / cifar10.ARCHIVE).is_file():
            return place / cifar10.ARCHIVE
        if cifar10.is_named(place) and cifar10.has_parquet_splits(place):
            return place
    return None


_FINDERS: dict[str, Callable[[str | Path | None], Path | None]] = {
    "signs": _find_signs,
    "cifar10": _find_cifar10,
}
_SOUGHT = {
    "signs": "train_signs.h5 and test_signs.h5 are not there",
    "cifar10": f"neither {cifar10.ARCHIVE} nor its unpacked batches nor Parquet files are there",
}
