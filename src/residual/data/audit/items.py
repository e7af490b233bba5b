"""Every kind of data as `Raw` images: as they lie in their files, before anything is scaled."""

import bisect
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import numpy as np

from residual.data import arrays, folders, named_arrays, sources
from residual.data.audit import parquet_rows
from residual.data.images import SUFFIXES, Dataset
from residual.data.raw import PARTS, Entry, Raw
from residual.errors import DataError


def raw_data(data: str | Path, root: str | Path | None = None) -> Raw:
    """The images of anything that `load_data` reads.

    Args:
        data, root: as `load_data` takes them.

    Raises:
        DataError: when nothing is found, or it cannot be listed. An image that cannot be read raises only
            when it is opened.
    """
    found = sources.find(data, root)
    path = found.path
    readers = {
        "folder": lambda: _folder(path),
        "parquet": lambda: parquet_rows.read_parquet(path),
        "zip": lambda: sources.read_raw(found),
        "table": lambda: sources.read_raw(found),
        "hub": lambda: sources.read_raw(found),
        "arrays": lambda: _arrays(path, named_arrays.read_arrays(path, found.options)),
        "npz": lambda: _arrays(path, named_arrays.read_arrays(path)),
    }
    if found.kind in readers:
        raw = readers[found.kind]()
    else:
        raw = _dataset(sources.load_data(data, root=root), sources.LAYOUTS[found.kind])
    return replace(raw, name=found.name) if found.name else raw


def _folder(folder: Path) -> Raw:
    """Class folders, by the rules of `folders.load_folder`; files of other kinds are told apart."""
    try:
        parts = folders.part_folders(folder)
        classes = folders.class_folders(parts["train"])
        entries = [
            Entry(str(file.relative_to(folder)), part, label)
            for part, place in parts.items()
            for label, name in enumerate(classes)
            if (place / name).is_dir()
            for file in folders.image_files(place / name)
        ]
        passed_over = sorted(
            str(file.relative_to(folder))
            for place in parts.values()
            for name in classes
            if (place / name).is_dir()
            for file in folders.files_below(place / name)
            if file.suffix.lower() not in SUFFIXES
        )
    except OSError as error:
        raise DataError(f"{error.filename or folder} may not be read: {error.strerror}.") from None
    if not entries:
        raise DataError(f"{folder} has no images. Allowed: {', '.join(SUFFIXES)} files.")
    return Raw(
        name=folder.resolve().name,
        layout="class folders",
        where=str(folder),
        classes=classes,
        entries=entries,
        open=lambda i: (folder / entries[i].name).read_bytes(),
        passed_over=tuple(passed_over),
        made_test="test" not in parts,
    )


def _arrays(path: Path, parts: list[arrays.Arrays]) -> Raw:
    """One pair of arrays, or one for training and one to test."""
    classes = arrays.class_names(*parts)
    images = [arrays.checked(part.x, part.y, len(classes), part.where) for part in parts]
    named = dict(zip(("train", "test"), images, strict=False))
    loaded = Dataset(path.stem, images[0], images[-1], classes, f"{path}", made_test=len(parts) == 1)
    return _joined(loaded, {part: (image.x, image.y) for part, image in named.items()}, "arrays in one file")


def _dataset(data: Dataset, layout: str) -> Raw:
    parts = {part: getattr(data, part) for part in PARTS if getattr(data, part) is not None}
    return _joined(data, {part: (images.x, images.y) for part, images in parts.items()}, layout)


def _joined(data: Dataset, parts: dict, layout: str) -> Raw:
    """Raw images of arrays; an image is called by its part and place: train[12]."""
    entries = [
        Entry(f"{part}[{i}]", part, label)
        for part, (_, y) in parts.items()
        for i, label in enumerate(y.tolist())
    ]
    starts = list(accumulate((len(y) for _, y in parts.values()), initial=0))
    pixels = [x for x, _ in parts.values()]

    def open_entry(i: int) -> np.ndarray:
        part = bisect.bisect_right(starts, i) - 1
        return np.asarray(pixels[part][i - starts[part]])

    return Raw(
        name=data.name,
        layout=layout,
        where=data.source,
        classes=data.classes,
        entries=entries,
        open=open_entry,
        made_test=data.made_test,
    )
