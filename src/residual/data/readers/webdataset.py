"""WebDataset shards: tar files in which an image and its label share a name, 000017.jpg and 000017.cls."""

import json
from collections import defaultdict
from pathlib import Path, PurePosixPath

import numpy as np

from residual.data.formats import get_suffix, list_suffixes
from residual.data.images import SPLITS
from residual.data.labels import flatten_labels, index_labels
from residual.data.location import Location
from residual.data.passed_over import NO_LABEL, OTHER, PassedOver
from residual.data.source import FileSource
from residual.data.tar_file import TarFile, is_tar, peek_names
from residual.data.words import LABEL_COLUMNS, normalize, parse_split
from residual.errors import DataError

_LABELS = (".cls", ".json", ".txt")
_MOST_LABEL = 2**20  # bytes of a label


class WebDatasetReader:
    """Reads one shard, or a folder of them; the name of a shard says of which split it is.

    The label of an image stands in NAME.cls, in NAME.json under `label` or a name like it, or in NAME.txt.
    """

    name = "webdataset"
    label = "WebDataset shards"
    suffixes: tuple[str, ...] = (".tar",)
    options: frozenset[str] = frozenset(("label",))

    def matches(self, location: Location) -> bool:
        """By the names of the first members of the first shard."""
        if location.is_folder():
            shards = _list_shards(location.file)
            return bool(shards) and _has_labels(shards[0])
        return location.is_file(".tar", ".tar.gz", ".tgz") and _has_labels(location.file)

    def open(self, location: Location) -> FileSource:
        """The images of all shards.

        Raises:
            DataError: if a shard is damaged, or an image has no label.
        """
        path = location.file
        shards = _list_shards(path) if path.is_dir() else [path]
        by_split = _sort_shards(shards)
        names, splits, labels, left, opened = [], [], [], [], []
        for split in (split for split in SPLITS if split in by_split):
            for shard in by_split[split]:
                archive = TarFile(shard)
                images, values, others = _pair(archive, location.options.get("label"))
                names += [(len(opened), name) for name in images]
                labels += values
                splits += [SPLITS.index(split)] * len(images)
                left += [PassedOver(f"{shard.name}: {name}", reason) for name, reason in others]
                opened.append(archive)
        y = flatten_labels(np.asarray(labels) if labels else np.empty(0, np.int64), len(labels), str(path))
        classes, (indices,), notes = index_labels([y], (), [str(path)])
        return FileSource(
            name=path.name.split(".")[0] if path.is_file() else path.resolve().name,
            layout=self.label,
            where=str(path),
            classes=classes,
            names=[f"{opened[which].path.name}: {name}" for which, name in names],
            labels=indices,
            splits=np.array(splits, np.uint8),
            passed_over=tuple(left),
            notes=notes,
            keeps_size=False,
            opener=lambda i: opened[names[i][0]].read(names[i][1]),
        )


def _list_shards(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.glob("*.tar")) if file.is_file()]


def _has_labels(path: Path) -> bool:
    return is_tar(path) and any(get_suffix(name) == ".cls" for name in peek_names(path))


def _sort_shards(shards: list[Path]) -> dict[str, list[Path]]:
    """The shards of each split, by their names; all are "train" if a single split is named, or none."""
    found: dict[str, list[Path]] = defaultdict(list)
    for shard in shards:
        found[parse_split(shard.stem)[0] or "train"].append(shard)
    return dict(found) if "train" in found else {"train": shards}


def _pair(archive: TarFile, column: str | None) -> tuple[list[str], list, list[tuple[str, str]]]:
    """The images with a label in the order of the shard, their labels, and what is neither."""
    labels = {}
    for name in archive.members:
        if get_suffix(name) in _LABELS:
            value = _read_label(archive, name, column)
            if value is not None and (get_suffix(name) != ".txt" or _stem(name) not in labels):
                labels[_stem(name)] = value
    images, values, others = [], [], []
    for name in archive.members:
        stem, suffix = _stem(name), get_suffix(name)
        if suffix in list_suffixes() and stem in labels:
            images.append(name)
            values.append(labels[stem])
        elif suffix not in _LABELS:
            others.append((name, NO_LABEL if suffix in list_suffixes() else OTHER))
    return images, values, others


def _stem(name: str) -> str:
    path = PurePosixPath(name)
    return str(path.parent / path.name.split(".")[0])


def _read_label(archive: TarFile, name: str, column: str | None) -> int | str | None:
    if archive.members[name].size > _MOST_LABEL:
        return None
    text = archive.read(name).decode("utf-8", "replace").strip()
    if get_suffix(name) != ".json":
        return int(text) if text.lstrip("-").isdecimal() and len(text) < 19 else text or None
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        raise DataError(f"{archive.path}: {name} is not JSON.") from None
    keys = (
        [column]
        if column
        else [key for key in row if normalize(str(key)) in LABEL_COLUMNS]
        if isinstance(row, dict)
        else []
    )
    value = row.get(keys[0]) if keys and isinstance(row, dict) else None
    return value if isinstance(value, int | str) and not isinstance(value, bool) else None
