"""MNIST's own format: train-images-idx3-ubyte and its three companions, packed by gzip or not."""

import gzip
import math
import re
import zlib
from pathlib import Path

import numpy as np

from residual.data.arrays import Arrays, make_source
from residual.data.limits import check_unpacked
from residual.data.location import Location
from residual.data.source import ArraySource
from residual.data.words import find_role, split_words
from residual.errors import DataError

_NAME = re.compile(r"(.*?)(images|labels)[-.]idx(\d)[-.]ubyte(\.gz)?$", re.IGNORECASE)
_LEAST = 4  # bytes of a header
_LABEL_FILES = {"images": "labels", "labels": "images"}


class IdxReader:
    """Reads a folder of idx files, or one of them with its companions: MNIST, Fashion-MNIST, KMNIST, EMNIST."""

    name = "idx"
    label = "idx files as MNIST has them"
    suffixes: tuple[str, ...] = ()
    options: frozenset[str] = frozenset()

    def matches(self, location: Location) -> bool:
        """By the names of the files."""
        if location.is_folder():
            return any(_NAME.match(file.name) for file in location.file.glob("*ubyte*"))
        path = location.path
        return path is not None and bool(_NAME.match(path.name)) and path.is_file()

    def open(self, location: Location) -> ArraySource:
        """The images of all pairs of files.

        Raises:
            DataError: if a file is missing or damaged, or the folder has several data sets.
        """
        path = location.file
        folder = path if path.is_dir() else path.parent
        pairs = _find_pairs(folder, path if path.is_file() else None)
        if "train" not in pairs:
            raise DataError(
                f"{path} needs train-images-idx3-ubyte and train-labels-idx1-ubyte, with .gz or without."
            )
        parts = {
            split: Arrays(read_idx(images), read_idx(labels), str(images))
            for split, (images, labels) in pairs.items()
        }
        return make_source(folder.resolve().name, self.label, parts)


def _find_pairs(folder: Path, chosen: Path | None) -> dict[str, tuple[Path, Path]]:
    """The files of images and of labels of each split."""
    held: dict[tuple[str, tuple[str, ...]], dict[str, Path]] = {}
    for file in sorted(folder.glob("*ubyte*")):
        match = _NAME.match(file.name)
        split = _find_split(match[1]) if match else None
        if match and split:
            rest = tuple(
                word
                for word in split_words(match[1])
                if find_role(word, {})[0] is None and word not in ("t", "10", "k")
            )
            held.setdefault((split, rest), {}).setdefault(match[2].lower(), file)
    sets = {rest for _, rest in held}
    if chosen is not None:
        sets = {rest for (_, rest), files in held.items() if chosen in files.values()}
    if len(sets) > 1:
        names = ", ".join("-".join(rest) or "no name" for rest in sorted(sets))
        raise DataError(f"{folder} has several data sets: {names}. Name one of the files of the one to use.")
    pairs = {}
    for (split, rest), files in held.items():
        if rest not in sets:
            continue
        if len(files) < 2:
            ((kind, file),) = files.items()
            raise DataError(f"{file} has no companion with the {_LABEL_FILES[kind]} beside it.")
        pairs[split] = (files["images"], files["labels"])
    return pairs


def _find_split(name: str) -> str | None:
    return "test" if "t10k" in name.lower() else find_role(name, {})[0]


def read_idx(path: Path) -> np.ndarray:
    """The array of one file, whose declared size is compared with what it stores.

    Raises:
        DataError: if it is damaged.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            head = file.read(_LEAST)
            if len(head) < _LEAST or head[:2] != b"\0\0" or head[2] != 8 or not 1 <= head[3] <= 3:
                raise DataError(f"{path} is no idx file of bytes. Download it again.")
            sides = file.read(4 * head[3])
            shape = tuple(np.frombuffer(sides[: len(sides) // 4 * 4], ">u4").tolist())
            size = math.prod(shape)
            check_unpacked(size, path.stat().st_size, str(path))
            content = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}). Download it again.") from None
    if len(shape) != head[3] or len(content) != size:
        raise DataError(
            f"{path} declares {size:,} values and has {len(content):,}: it is damaged. Download it again."
        )
    return np.frombuffer(content, np.uint8).reshape(shape)
