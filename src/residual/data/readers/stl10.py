"""STL-10's binary files: train_X.bin, train_y.bin, test_X.bin, test_y.bin and class_names.txt."""

from pathlib import Path

import numpy as np

from residual.data.arrays import Arrays, make_source
from residual.data.location import Location
from residual.data.passed_over import PassedOver
from residual.data.source import ArraySource
from residual.errors import DataError

_SIDE = 96
_BYTES = 3 * _SIDE * _SIDE
_MOST_NAMES = 10_000  # bytes


class Stl10Reader:
    """Reads the folder stl10_binary; its images without labels are passed over."""

    name = "stl10"
    label = "STL-10's binary files"
    suffixes: tuple[str, ...] = ()
    options: frozenset[str] = frozenset()

    def matches(self, location: Location) -> bool:
        """By the names of two files."""
        return location.is_folder() and all((location.file / f"train_{x}.bin").is_file() for x in "Xy")

    def open(self, location: Location) -> ArraySource:
        """The images.

        Raises:
            DataError: if a file has no whole number of images, or not as many labels.
        """
        folder = location.file
        names = _read_names(folder / "class_names.txt")
        parts = {
            split: _read_split(folder, split, names)
            for split in ("train", "test")
            if (folder / f"{split}_X.bin").is_file()
        }
        source = make_source(folder.resolve().name, self.label, parts)
        unlabelled = [file.name for file in [folder / "unlabeled_X.bin"] if file.is_file()]
        return source.with_passed_over(PassedOver(name, "images without labels") for name in unlabelled)


def _read_split(folder: Path, split: str, names: tuple[str, ...]) -> Arrays:
    path, labels = folder / f"{split}_X.bin", folder / f"{split}_y.bin"
    size = path.stat().st_size
    if size % _BYTES or not size or not labels.is_file() or labels.stat().st_size != size // _BYTES:
        raise DataError(
            f"{path} has {size:,} bytes, which must be {_BYTES:,} for each image, and {labels.name} as many "
            "labels. Unpack the archive again."
        )
    # Channels, then columns, then rows.
    x = np.fromfile(path, np.uint8).reshape(-1, 3, _SIDE, _SIDE).transpose(0, 3, 2, 1)
    return Arrays(np.ascontiguousarray(x), np.fromfile(labels, np.uint8), str(path), names)


def _read_names(path: Path) -> tuple[str, ...]:
    if not path.is_file() or path.stat().st_size > _MOST_NAMES:
        return ()
    return tuple(path.read_text("utf-8", "replace").split())
