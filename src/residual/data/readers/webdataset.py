"""WebDataset shards: tar files in which an image and its label share a name, 000017.jpg and 000017.cls."""

import contextlib
import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from residual.data.archives import clean_names
from residual.data.columns import ShardNames
from residual.data.formats import get_suffix, list_suffixes
from residual.data.images import SPLITS
from residual.data.labels import flatten_labels, index_labels
from residual.data.location import Location
from residual.data.passed_over import NO_LABEL, OTHER, PassedOver
from residual.data.source import FileSource
from residual.data.tar_file import TarFile, is_packed, is_tar, peek_content, peek_names
from residual.data.tar_index import Member, TarScanner, read_member
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
    options: frozenset[str] = frozenset(("label", "decode"))

    def matches(self, location: Location) -> bool:
        """By the first members of the first shard."""
        column = location.options.get("label")
        if location.is_folder():
            shards = _list_shards(location.file)
            return bool(shards) and _has_labels(shards[0], column)
        return location.is_file(".tar", ".tar.gz", ".tgz") and _has_labels(location.file, column)

    def open(self, location: Location) -> FileSource:
        """The images of all shards.

        Raises:
            DataError: if a shard is damaged, or an image has no label.
        """
        path, column = location.file, location.options.get("label")
        by_split = _sort_shards(_list_shards(path) if path.is_dir() else [path])
        shards, splits = [], []
        for split in (split for split in SPLITS if split in by_split):
            for file in by_split[split]:
                shards.append(_list_packed(file, column) if is_packed(file) else _list_unpacked(file, column))
                splits.append(np.full(len(shards[-1].names), SPLITS.index(split), np.uint8))
        if not any(len(shard.names) for shard in shards):
            raise DataError(
                f"{path}: no image has a label. An image and its label share a name, as 000017.jpg and 000017.cls (or "
                ".json with a key such as label). ::label=KEY names another key."
            )
        names = ShardNames([(f"{shard.path.name}: ", shard.names) for shard in shards])
        values = [value for shard in shards for value in shard.labels]
        y = flatten_labels(np.asarray(values) if values else np.empty(0, np.int64), len(values), str(path))
        classes, (indices,), notes = index_labels([y], (), [str(path)])

        def open_image(i: int) -> bytes:
            which, k = names.locate(i)
            return shards[which].read(k)

        return FileSource(
            name=path.name.split(".")[0] if path.is_file() else path.resolve().name,
            layout=self.label,
            where=str(path),
            classes=classes,
            names=names,
            labels=indices,
            splits=np.concatenate(splits),
            passed_over=tuple(item for shard in shards for item in shard.list_passed_over()),
            notes=notes,
            is_seekable=not any(is_packed(shard.path) for shard in shards),
            opener=open_image,
        )


@dataclass(frozen=True)
class _Shard:
    """The images of a shard that have a label, in its order.

    Attributes:
        path: of the shard.
        names: of the images.
        labels: of each.
        others: what is neither an image with a label nor a label.
        read: the content of the image with this number.
    """

    path: Path
    names: list[str]
    labels: list
    others: list[PassedOver]
    read: Callable[[int], bytes]

    def list_passed_over(self) -> list[PassedOver]:
        """What is not read, the shard itself if nothing of it is."""
        return self.others if self.names or self.others else [PassedOver(self.path.name, OTHER)]


def _list_unpacked(path: Path, column: str | None) -> _Shard:
    """A shard by one pass over its headers; of its images nothing is read."""
    places, labels = {}, _Labels(path, column)
    try:
        with TarScanner(path) as scanner:
            for name, offset, size in itertools.chain(scanner.list_files(), _follow_links(scanner, places)):
                places[name] = (offset, size)
                if name.lower().endswith(_LABELS) and size <= _MOST_LABEL:
                    labels.add(name, scanner.read(offset, size))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    held = clean_names(places, str(path))
    names, values, others = labels.pair(held)
    ends = np.array([places[held[name]] for name in names], np.int64).reshape(-1, 2)
    return _Shard(path, names, values, others, lambda k: read_member(path, names[k], *ends[k].tolist()))


def _follow_links(scanner: TarScanner, places: dict[str, tuple[int, int]]) -> Iterator[Member]:
    """The files under their other names, once all files have been listed."""
    for name, target in scanner.links:
        if target in places:
            yield Member(name, *places[target])


def _list_packed(path: Path, column: str | None) -> _Shard:
    """A compressed shard, which can be read quickly in its order alone."""
    archive, labels = TarFile(path), _Labels(path, column)
    for name, member in archive.members.items():
        if get_suffix(name) in _LABELS and member.size <= _MOST_LABEL:
            labels.add(name, archive.read(name))
    names, values, others = labels.pair(archive.members)
    return _Shard(path, names, values, others, lambda k: archive.read(names[k]))


def _list_shards(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.glob("*.tar")) if file.is_file()]


def _has_labels(path: Path, column: str | None) -> bool:
    """Whether there is a .cls among the first members, or if none lies in a folder a .json with an image's label."""
    if not is_tar(path):
        return False
    names = [name.removeprefix("./") for name in peek_names(path)]
    if any(get_suffix(name) == ".cls" for name in names):
        return True
    if any("/" in name for name in names):
        return False
    images = {_stem(name) for name in names if get_suffix(name) in list_suffixes()}
    described = (name for name in names if get_suffix(name) == ".json" and _stem(name) in images)
    first = next(described, None)
    with contextlib.suppress(ValueError, RecursionError):
        return first is not None and _find_label(peek_content(path, first, _MOST_LABEL), column) is not None
    return False


def _find_label(content: bytes, column: str | None) -> int | str | None:
    """The label in a .json, under this key or a usual one; None if it has none.

    Raises:
        ValueError, RecursionError: if it is not JSON.
    """
    row = json.loads(content.decode("utf-8", "replace"))
    if not isinstance(row, dict):
        return None
    usual = (key for key in row if normalize(str(key)) in LABEL_COLUMNS)
    value = row.get(column or next(usual, None))
    return value if isinstance(value, int | str) and not isinstance(value, bool) else None


def _sort_shards(shards: list[Path]) -> dict[str, list[Path]]:
    """The shards of each split, by their names; all are "train" if a single split is named, or none."""
    found: dict[str, list[Path]] = defaultdict(list)
    for shard in shards:
        found[parse_split(shard.stem)[0] or "train"].append(shard)
    return dict(found) if "train" in found else {"train": shards}


class _Labels:
    """The labels of a shard, by what the names of their files have before the first dot.

    Args:
        path: of the shard.
        column: the key of a label in NAME.json; None takes a usual one.
    """

    def __init__(self, path: Path, column: str | None):
        self._path, self._column = path, column
        self._found: dict[str, int | str] = {}

    def add(self, name: str, content: bytes) -> None:
        """Read the label in a file; DataError if it is .json and none."""
        value = self._parse(name, content)
        stem = _stem(name)
        if value is not None and (get_suffix(name) != ".txt" or stem not in self._found):
            self._found[stem] = value

    def pair(self, names: Iterable[str]) -> tuple[list[str], list, list[PassedOver]]:
        """The images with a label in the order of the shard, their labels, and what is neither."""
        images, values, others, suffixes = [], [], [], frozenset(list_suffixes())
        for name in names:
            suffix = get_suffix(name)
            if suffix in _LABELS:
                continue
            value = self._found.get(_stem(name)) if suffix in suffixes else None
            if value is not None:
                images.append(name)
                values.append(value)
            else:
                reason = NO_LABEL if suffix in suffixes else OTHER
                others.append(PassedOver(f"{self._path.name}: {name}", reason))
        return images, values, others

    def _parse(self, name: str, content: bytes) -> int | str | None:
        if get_suffix(name) != ".json":
            text = content.decode("utf-8", "replace").strip()
            return int(text) if text.lstrip("-").isdecimal() and len(text) < 19 else text or None
        try:
            return _find_label(content, self._column)
        except (ValueError, RecursionError):
            raise DataError(f"{self._path}: {name} is not JSON.") from None


def _stem(name: str) -> str:
    end = name.find(".", name.rfind("/") + 1)
    return name if end < 0 else name[:end]
