"""SVHN's cropped digits: train_32x32.mat and test_32x32.mat, and other MATLAB files of images and labels."""

from pathlib import Path

import numpy as np

from residual.data.array_choice import OPTIONS, choose_arrays
from residual.data.arrays import Arrays, make_source
from residual.data.location import Location
from residual.data.matlab_file import read_arrays
from residual.data.source import ArraySource
from residual.data.words import find_split, parse_split


class SvhnReader:
    """Reads a .mat file, or a folder of one for each split. Of SVHN label 10 is the digit 0."""

    name = "svhn"
    label = "MATLAB files of images and labels"
    suffixes: tuple[str, ...] = (".mat",)
    options: frozenset[str] = OPTIONS

    def matches(self, location: Location) -> bool:
        """By the ending, or by that of files directly inside a folder."""
        if location.is_folder():
            return "train" in _list_splits(location.file)
        return location.is_file(*self.suffixes)

    def open(self, location: Location) -> ArraySource:
        """The images.

        Raises:
            DataError: if a file is damaged, or what is meant is not obvious.
        """
        path = location.file
        files = _list_splits(path if path.is_dir() else path.parent)
        if path.is_file() and path not in files.values():
            files = {"train": path}
        parts = {}
        for split, file in files.items():
            arrays = read_arrays(file)
            held = {name: (array.dtype, array.shape) for name, array in arrays.items()}
            chosen = choose_arrays(file, location.options, held, lambda names, arrays=arrays: arrays)
            parts |= chosen if len(files) == 1 else {split: chosen["train"]}
        name = path.stem if path.is_file() else path.resolve().name
        return make_source(name, self.label, _zero(parts), location.options.get("white"))


def _list_splits(folder: Path) -> dict[str, Path]:
    """The file of each split; {} if there are several of one."""
    found = {}
    for file in sorted(folder.glob("*.mat")):
        split = find_split(file.stem) or parse_split(file.stem.split("_")[0])[0]
        if split and file.is_file():
            if split in found:
                return {}
            found[split] = file
    return found if "train" in found else {}


def _zero(parts: dict[str, Arrays]) -> dict[str, Arrays]:
    """SVHN's labels 1 to 10 as the digits that they are."""
    values = np.unique(np.concatenate([np.ravel(part.y) for part in parts.values()]))
    if not np.array_equal(values, np.arange(1, 11)) or any(
        part.x.shape[:3] != (32, 32, 3) for part in parts.values()
    ):
        return parts
    return {split: Arrays(part.x, np.asarray(part.y) % 10, part.where) for split, part in parts.items()}
