"""A folder of class folders: cats/1.jpg, dogs/2.jpg, ..., with or without train, val and test above."""

from pathlib import Path

import numpy as np

from residual.data.images import SUFFIXES, Dataset, Images, read_image
from residual.data.splits import stratified_split
from residual.errors import DataError

TEST_SHARE = 0.15
_PARTS = {"train": ("train", "training"), "validation": ("val", "valid", "validation"), "test": ("test",)}


def load_folder(folder: Path, size: int) -> Dataset:
    """All images below `folder`, scaled and cut to (size, size).

    With a folder `train` inside, `test` (or, without one, `val`) is the test set; with all three, `val`
    is the validation set. Without them the class folders stand in `folder` itself, and a stratified 15%,
    the same on every call, is set aside as the test set.

    Raises:
        DataError: when there are no class folders or no images, or an image cannot be read.
    """
    parts = {part: _first_folder(folder, names) for part, names in _PARTS.items()}
    if parts["train"] is None:
        return _load_single(folder, size)
    if parts["test"] is None:
        parts["test"], parts["validation"] = parts["validation"], None
    classes = class_folders(parts["train"])
    train = _read_all(parts["train"], classes, size)
    validation = _read_all(parts["validation"], classes, size) if parts["validation"] else None
    if parts["test"] is None:
        train, test = _set_aside(train)
        return Dataset(folder.name, train, test, classes, _source(folder, train, test, True), made_test=True)
    test = _read_all(parts["test"], classes, size)
    return Dataset(folder.name, train, test, classes, _source(folder, train, test, False), validation)


def class_folders(folder: Path) -> tuple[str, ...]:
    """Names of the sub-folders of `folder`, sorted, numbers by value: the classes."""
    names = [entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
    if len(names) < 2:
        raise DataError(
            f"{folder} needs at least two folders, one per class, with the images of the class inside; "
            f"it has {len(names)}{': ' + names[0] if names else ''}."
        )
    return tuple(sorted(names, key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name)))


def image_files(folder: Path) -> list[Path]:
    """Every image file below `folder`, by its ending, sorted."""
    return sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()
    )


def _first_folder(folder: Path, names) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def _load_single(folder: Path, size: int) -> Dataset:
    classes = class_folders(folder)
    train, test = _set_aside(_read_all(folder, classes, size))
    return Dataset(folder.name, train, test, classes, _source(folder, train, test, True), made_test=True)


def _set_aside(images: Images) -> tuple[Images, Images]:
    larger, smaller = stratified_split(images.y, TEST_SHARE, seed=0)
    return images.take(larger), images.take(smaller)


def _read_all(folder: Path, classes: tuple[str, ...], size: int) -> Images:
    extra = sorted(set(class_folders(folder)) - set(classes))
    if extra:
        raise DataError(f"{folder} has classes that the training folder lacks: {', '.join(extra)}.")
    labelled = [(file, i) for i, name in enumerate(classes) for file in image_files(folder / name)]
    empty = [name for i, name in enumerate(classes) if not any(label == i for _, label in labelled)]
    if empty:
        raise DataError(f"{folder} has no images for {', '.join(empty)}. Allowed: {', '.join(SUFFIXES)} files.")
    x = np.empty((len(labelled), size, size, 3), np.uint8)
    for row, (file, _) in zip(x, labelled, strict=True):
        row[:] = read_image(file, (size, size))
    return Images(x, np.array([label for _, label in labelled], np.int64))


def _source(folder: Path, train: Images, test: Images, made: bool) -> str:
    text = f"{len(train) + len(test):,} images below {folder}"
    return f"{text}; {len(test):,} of them set aside as the test set" if made else text
