"""A folder of class folders: cats/1.jpg, dogs/2.jpg, ..., with or without train, val and test above."""

from pathlib import Path

import numpy as np

from residual.data.decoding import UNREADABLE, decode_labelled
from residual.data.images import SUFFIXES, Dataset, Images
from residual.data.splits import set_aside
from residual.errors import DataError

_PARTS = {"train": ("train", "training"), "validation": ("val", "valid", "validation"), "test": ("test",)}


def load_folder(folder: Path, size: int, unreadable: float = UNREADABLE) -> Dataset:
    """All images below `folder`, scaled and cut to (size, size).

    With a folder `train` inside, `test` (or, without one, `val`) is the test set; with all three, `val`
    is the validation set. Capitals do not matter. Without `train` the class folders stand in `folder`
    itself. Where there is no test set, a stratified 15%, the same on every call, is set aside.

    Args:
        folder: where the images are.
        size: side of the images.
        unreadable: share of the files of a part that may be damaged; they are skipped.

    Raises:
        DataError: when there are no class folders or no images, or too many cannot be read.
    """
    lost: list[str] = []
    try:
        parts = part_folders(folder)
        classes = class_folders(parts["train"])
        images = {part: _read_all(place, classes, size, unreadable, lost) for part, place in parts.items()}
    except OSError as error:
        raise DataError(f"{error.filename or folder} may not be read: {error.strerror}.") from None
    name = folder.resolve().name
    if "test" in images:
        total = f"{len(images['train']) + len(images['test']):,} images below {folder}"
        validation = images.get("validation")
        return Dataset(
            name, images["train"], images["test"], classes, total, validation, unreadable=tuple(lost)
        )
    train, test = set_aside(images["train"], str(folder))
    source = (
        f"{len(train) + len(test):,} images below {folder}; {len(test):,} of them set aside as the test set"
    )
    return Dataset(name, train, test, classes, source, made_test=True, unreadable=tuple(lost))


def class_folders(folder: Path) -> tuple[str, ...]:
    """Names of the sub-folders of `folder`, sorted, numbers by value: the classes."""
    names = [entry.name for entry in _folders(folder)]
    if len(names) < 2:
        deeper = names and len(_folders(folder / names[0])) > 1
        raise DataError(
            f"{folder} needs at least two folders, one per class, with the images of the class inside; "
            f"it has {len(names)}{': ' + names[0] if names else ''}."
            + (f" Did you mean {folder / names[0]}?" if deeper else "")
        )
    # Not isdigit: "²" is a digit that int() does not take.
    return tuple(
        sorted(names, key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name))
    )


def image_files(folder: Path) -> list[Path]:
    """Every image file below `folder`, by its ending, sorted; hidden files and folders are passed over."""
    return sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
        and file.is_file()
    )


def _folders(folder: Path) -> list[Path]:
    """Sub-folders, without hidden ones and what macOS leaves in zip archives."""
    entries = (
        entry for entry in folder.iterdir() if not entry.name.startswith(".") and entry.name != "__MACOSX"
    )
    return [entry for entry in entries if entry.is_dir()]


def part_folders(folder: Path) -> dict[str, Path]:
    """Where "train" and, as far as they are there, "validation" and "test" are."""
    below = {entry.name.lower(): entry for entry in sorted(_folders(folder))}
    found = {
        part: next(below[name] for name in names if name in below)
        for part, names in _PARTS.items()
        if any(name in below for name in names)
    }
    # "train" beside "bus" and "car" is a class, with images directly inside.
    if "train" not in found or (len(found) == 1 and not _folders(found["train"])):
        return {"train": folder}
    if "test" not in found and "validation" in found:
        found["test"] = found.pop("validation")
    return found


def _read_all(
    folder: Path, classes: tuple[str, ...], size: int, unreadable: float, lost: list[str]
) -> Images:
    """The images of one part; what is said of the skipped files goes to `lost`."""
    extra = sorted(set(class_folders(folder)) - set(classes))
    if extra:
        raise DataError(
            f"{folder} has classes that the training folder lacks: {', '.join(extra)}. "
            "Both need the same folders."
        )
    # Names as text: a million Paths would take more memory than the pixels of a batch ever do.
    files = [[str(file) for file in image_files(folder / name)] for name in classes]
    empty = [name for name, found in zip(classes, files, strict=True) if not found]
    if empty:
        raise DataError(
            f"{folder} has no images for {', '.join(empty)}. Allowed: {', '.join(SUFFIXES)} files."
        )
    y = np.repeat(np.arange(len(classes)), [len(found) for found in files])
    named = ((file, file) for found in files for file in found)
    return Images(*decode_labelled(named, y, (size, size), str(folder), unreadable, lost, classes))
