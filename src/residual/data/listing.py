"""From the names of files to classes and parts: a tree of class folders that is no folder on the disk."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from residual.data.images import SUFFIXES
from residual.data.raw import Entry, ordered, part_named, settled
from residual.errors import DataError


@dataclass(frozen=True)
class Listing:
    """What a tree holds.

    Attributes:
        classes: names of the class folders.
        entries: every image; the name is the whole one.
        passed_over: other files in the class folders.
        made_test: whether there is no test part.
    """

    classes: tuple[str, ...]
    entries: tuple[Entry, ...]
    passed_over: tuple[str, ...]
    made_test: bool


def list_tree(names: Iterable[str], where: str) -> Listing:
    """Classes and parts by the rules of `folders.load_folder`; a folder around everything is seen through.

    Args:
        names: files, with "/" between folders. Hidden ones and what macOS adds are passed over silently.
        where: for errors.

    Raises:
        DataError: for fewer than two class folders, a class without images, or a test class that the
            training images lack.
    """
    paths = {name: PurePosixPath(name).parts for name in sorted(names) if not _is_hidden(name)}
    paths = _unwrapped(paths)
    split = _parts(paths)
    rows = [
        (name, split[path[0]], path[1:]) if split else (name, "train", path)
        for name, path in paths.items()
        if not split or path[0] in split
    ]
    rows = [(name, part, path) for name, part, path in rows if len(path) > 1]  # files beside class folders
    classes = ordered(path[0] for _, part, path in rows if part == "train")
    if len(classes) < 2:
        raise DataError(
            f"{where} needs at least two folders, one per class, with the images of the class inside; "
            f"it has {len(classes)}{': ' + classes[0] if classes else ''}."
        )
    index = {name: i for i, name in enumerate(classes)}
    extra = ordered(path[0] for _, _, path in rows if path[0] not in index)
    if extra:
        raise DataError(
            f"{where} has classes among its test images that the training images lack: {', '.join(extra[:8])}. "
            "Both need the same folders."
        )
    rows.sort(key=lambda row: (index[row[2][0]], row[2]))
    entries = tuple(Entry(name, part, index[path[0]]) for name, part, path in rows if _is_image(path[-1]))
    _check_filled(entries, classes, where)
    passed_over = tuple(name for name, _, path in rows if not _is_image(path[-1]))
    return Listing(classes, entries, passed_over, made_test=not any(e.part == "test" for e in entries))


def _is_hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts  # of "." there are none
    return not parts or any(part.startswith(".") or part == "__MACOSX" for part in parts)


def _is_image(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def _unwrapped(paths: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Without the folder, or folders, around the class folders."""
    while True:
        tops = {path[0] for path in paths.values() if len(path) > 1}
        inside = {path[1] for path in paths.values() if len(path) > 2}
        if len(tops) != 1 or not inside or part_named(*tops) == "train":
            return paths
        paths = {name: path[1:] for name, path in paths.items() if len(path) > 1}


def _parts(paths: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Top folder -> part; {} where the class folders stand on top."""
    tops = ordered(path[0] for path in paths.values() if len(path) > 1)
    named = {part: top for top in reversed(tops) if (part := part_named(top))}
    # "train" beside "bus" and "car" is a class, with images directly inside.
    nested = any(len(path) > 2 for path in paths.values() if path[0] == named.get("train"))
    if "train" not in named or not nested:
        return {}
    taken_for = settled(set(named))
    return {top: taken_for[part] for part, top in named.items()}


def _check_filled(entries: tuple[Entry, ...], classes: tuple[str, ...], where: str) -> None:
    filled = {entry.label for entry in entries if entry.part == "train"}
    empty = [name for i, name in enumerate(classes) if i not in filled]
    if empty:
        raise DataError(
            f"{where} has no images for {', '.join(empty[:8])}. Allowed: {', '.join(SUFFIXES)} files."
        )
