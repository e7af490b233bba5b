"""From a name or a path to a source, and on to a Dataset."""

import difflib
import glob
import os
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from pathlib import Path

from residual._text import describe_value
from residual.data.bit_depth import set_white
from residual.data.images import Dataset
from residual.data.location import OPTIONS, Location, expand_home, parse_location
from residual.data.named import NAMES, SEARCHED, find_named
from residual.data.readers import READERS, Reader, find_reader
from residual.data.source import MAX_UNREADABLE, FileSource, Source
from residual.errors import DataError

_MOST_BESIDE = 2_000  # files beside a missing one that are searched for a similar name
# What to do about kinds of files that no reader reads.
_ADVICE = {
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "save the sheet as .csv"),
    **dict.fromkeys((".rar", ".7z"), "unpack it and name the folder"),
    **dict.fromkeys(
        (".pkl", ".pickle", ".pt", ".pth", ".joblib"),
        "a pickle may run code and is not opened; save its arrays with numpy.savez",
    ),
    **dict.fromkeys((".feather", ".arrow"), "write it as .parquet"),
    ".json": "a .json must hold a list of objects with a path and a label, or COCO's images and categories",
    ".txt": "a .txt must have the path of an image and its label in each line",
}
_FOR_ALL = "validation"  # an option of every reader: the validation images stay validation images


def load_data(
    data: str | Path = "digits",
    image_size: int | None = None,
    search_dir: str | Path | None = None,
    max_unreadable: float = MAX_UNREADABLE,
) -> Dataset:
    """Images by name or path.

    Args:
        data: "digits", "signs", "cifar10", or a path: class folders, also in a zip or tar; a table of paths and labels;
            arrays in .npz, .npy or HDF5 files; Parquet in Hugging Face's image layout; the files of MNIST, SVHN, STL-10
            and CIFAR as they are published; or "hf://owner/name". `docs/data.md` lists all layouts. What is not obvious
            is said behind "::", as in "data.h5::images=x,labels=y" or "all.csv::label=species".
        image_size: scale images to this many pixels a side; None keeps the size of the data, and means 64 for
            image files.
        search_dir: folder to search for "signs" and "cifar10", in place of the one in the environment variable
            RESIDUAL_DATA and ./datasets; they must be in it.
        max_unreadable: share of image files (in folders, zips, tables of paths, Parquet rows and on the hub) that may
            be damaged: they are skipped, and listed in `Dataset.unreadable`.

    Returns:
        A Dataset of uint8 RGB images, whose `source` says what was found.

    Raises:
        DataError: if nothing is found or something cannot be read.
    """
    if image_size is not None and not (isinstance(image_size, int) and image_size >= 1):
        raise DataError(f"image_size must be a whole number of pixels, at least 1; got {image_size!r}.")
    if not 0 <= max_unreadable < 1:
        raise DataError(f"max_unreadable must be a share from 0 to below 1; got {max_unreadable}.")
    return open_source(data, search_dir).to_dataset(image_size, max_unreadable)


def open_source(data: str | Path, search_dir: str | Path | None = None) -> Source:
    """The images of anything that `load_data` reads, listed and not decoded.

    Args:
        data: as `load_data` takes it.
        search_dir: as `load_data` takes it.

    Raises:
        DataError: if nothing is found, it cannot be listed, or nothing can be learnt from it (`Source.check`). An image
            that cannot be read raises only when it is opened.
    """
    location = locate(data, search_dir)
    source = _choose_reader(location).open(location).assign_splits("validation" in location.options)
    source.check()
    alike = _find_alike(source.classes)
    if alike:
        source = source.with_notes(f"classes {' and '.join(alike)} differ in capitals or blanks alone")
    if isinstance(source, FileSource):
        source = replace(source, decode=location.options.get("decode", "auto"))
        source = set_white(source, location.options.get("white"))
    return replace(source, name=location.name) if location.name else source


def _find_alike(classes: Iterable[str]) -> list[str]:
    """The first class names that are one but for capitals and blanks."""
    known: dict[str, str] = {}
    for name in classes:
        key = " ".join(name.casefold().replace("_", " ").split())
        if key in known:
            return [known[key], name]
        known[key] = name
    return []


def check_address(data: str | Path, search_dir: str | Path | None = None) -> None:
    """Raise unless there is something at an address that a reader takes. Nothing is listed or opened.

    Args:
        data: as `load_data` takes it.
        search_dir: as `load_data` takes it.

    Raises:
        DataError: saying what is missing.
    """
    _choose_reader(locate(data, search_dir))


def locate(data: str | Path, search_dir: str | Path | None = None) -> Location:
    """Where `data` is.

    Raises:
        DataError: if a folder to search is not there, or what stands behind "::" is no options.
    """
    if not isinstance(data, str | Path) or not str(data).strip():  # "" would be the folder one is in
        raise DataError(f"data must be the name of a data set or a path; got {describe_value(data)}.")
    if search_dir is not None and not os.path.isdir(expand_home(search_dir)):
        raise DataError(
            f"There is no folder {search_dir} to search for data (`search_dir`). Name one that exists, or none."
        )
    if search_dir is not None and str(data) not in SEARCHED:
        raise DataError(
            f"`search_dir` is the folder in which signs and cifar10 are searched for. To use the images in "
            f"{search_dir}, name it as the data itself: residual train {search_dir}"
        )
    if str(data) in NAMES:
        return find_named(str(data), search_dir)
    location = parse_location(str(data))
    if location.address in NAMES and location.options:
        raise DataError(f"{location.address} takes no {OPTIONS} options; got {', '.join(location.options)}.")
    return location


def _choose_reader(location: Location) -> Reader:
    """The reader of a location; DataError if there is none, or it does not take the options."""
    if not location.name:
        _check_rights(location)
    reader = find_reader(location)
    if reader is None:
        raise DataError(_explain_unread(location))
    given = {name: value for name, value in location.options.items() if name != _FOR_ALL}
    if given and not reader.options:
        raise DataError(
            f"{location.address} is {reader.label}, which takes no {OPTIONS} options; got {', '.join(given)}."
        )
    unknown = sorted(set(given) - reader.options)
    if unknown:
        allowed = ", ".join(sorted(reader.options | {_FOR_ALL}))
        raise DataError(f"{location.address}: {unknown[0]} must be one of {allowed}.")
    return reader


def _check_rights(location: Location) -> None:
    """DataError if a path is there and may not be read, which libraries would call damaged, or is a pipe or device."""
    path = location.path
    if path is None or not os.path.exists(path):
        return
    if not (os.path.isfile(path) or os.path.isdir(path)):
        raise DataError(
            f"{path} is not a file but a pipe or device, which may never end. Name a file or folder."
        )
    if not os.access(path, os.R_OK | os.X_OK if os.path.isdir(path) else os.R_OK):
        raise DataError(
            f"{path} may not be read: permission denied. Change its rights, or name a copy of yours."
        )


def _explain_unread(location: Location) -> str:
    if location.path is None or not os.path.exists(location.path):
        if location.path is not None and glob.has_magic(str(location.path)):
            return _explain_pattern(location)
        near = _find_near(location)
        hint = f" Did you mean {near}?" if near else ""
        return (
            f"There is no data called {location.address!r}: it is neither a file or folder "
            f"nor one of {', '.join(NAMES)}.{hint}"
        )
    advice = _ADVICE.get(location.path.suffix.lower())
    if advice:
        return f"{location.path} is of no kind that can be read: {advice}."
    suffixes = dict.fromkeys(suffix for reader in READERS for suffix in reader.suffixes)
    return (
        f"{location.path} is of no kind that can be read: allowed are {', '.join(suffixes)}, "
        "or a folder of class folders."
    )


def _explain_pattern(location: Location) -> str:
    """Why 'photos/*' is no data, and what is."""
    parts = location.file.parts
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    folder = Path(*parts[:fixed])
    name = (
        f"Name the folder itself: {folder}" if fixed and os.path.isdir(folder) else "Name the folder itself."
    )
    return f"{location.address} is a pattern, and data is one folder or file, whose folders are the classes. {name}"


def _find_near(location: Location) -> str | None:
    """The file, folder or name that a person may have meant by an address that is not there."""
    path = location.path
    if path is None:
        return None
    try:
        beside = [entry.name for entry in islice(os.scandir(path.parent), _MOST_BESIDE)]
    except OSError:
        beside = []
    names = [*(NAMES if str(path.parent) == "." else ()), *(name for name in beside if name[0] != ".")]
    near = difflib.get_close_matches(path.name, names, n=1)
    return str(path.parent / near[0]) if near else None
