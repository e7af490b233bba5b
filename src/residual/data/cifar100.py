"""CIFAR-100: its files, read without trusting their pickles, with fine or coarse labels."""

import io
from collections.abc import Mapping
from pathlib import Path

from residual.data.arrays import Arrays
from residual.data.cifar10 import load_batch, pick_arrays
from residual.data.location import Location
from residual.errors import DataError

ARCHIVE_FOLDER = "cifar-100-python"
FILES = ("train", "test", "meta")
KINDS = ("fine", "coarse")
MOST_BYTES = 400 * 1024**2  # of a file; `train` has 155 MB


def find_files(folder: Path) -> Path | None:
    """The folder with the files: this one, or cifar-100-python in it."""
    return next(
        (
            place
            for place in (folder, folder / ARCHIVE_FOLDER)
            if all((place / name).is_file() for name in FILES)
        ),
        None,
    )


def get_kind(location: Location) -> str:
    """Which labels are asked for: "fine" or "coarse".

    Raises:
        DataError: for anything else.
    """
    kind = location.options.get("label", "fine")
    if kind not in KINDS:
        raise DataError(f"{location.address}: label must be fine (100 classes) or coarse (20); got {kind!r}.")
    return kind


def describe_kind(kind: str, where: str) -> str:
    """A note on which labels are read."""
    other = KINDS[kind == "fine"]
    return f"the {kind} labels are read; {where}::label={other} reads the {other} ones"


def read_files(contents: Mapping[str, bytes], kind: str, where: str) -> dict[str, Arrays]:
    """Both splits with class names.

    Args:
        contents: of `FILES`.
        kind: "fine" or "coarse".
        where: folder or archive, for errors.

    Raises:
        DataError: if a file is damaged or asks to run code.
    """
    held = {}
    for name in FILES:
        if len(contents[name]) > MOST_BYTES:
            raise DataError(
                f"{where}: {name} is no file of CIFAR-100: it is larger than {MOST_BYTES // 1024**2} MiB."
            )
        held[name] = load_batch(io.BytesIO(contents[name]), f"{where}: {name}")
    names = held["meta"].get(f"{kind}_label_names".encode()) if isinstance(held["meta"], dict) else None
    if not isinstance(names, list) or not all(isinstance(name, bytes) for name in names):
        raise DataError(f"{where}: meta does not name the {kind} classes. Unpack the archive again.")
    classes = tuple(name.decode("utf-8", "replace") for name in names)
    parts = {}
    for split in ("train", "test"):
        x, y = pick_arrays(held[split], f"{kind}_labels".encode(), f"{where}: {split}")
        parts[split] = Arrays(x, y, f"{where}: {split}", classes)
    return parts
