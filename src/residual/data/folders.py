"""Folders and their files as one tree, from a disk or from the names in an archive: nothing is opened.

What is never data (hidden files, the system's folders, runs of `residual`) is left out here, for all readers alike.
"""

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from residual.data.formats import (
    HEAD_BYTES,
    find_format,
    find_unread,
    get_suffix,
    list_suffixes,
    may_be_unnamed_image,
)
from residual.data.passed_over import HIDDEN, LINK, OTHER, RUN, SYSTEM, PassedOver
from residual.data.words import SYSTEM_FILES, SYSTEM_FOLDERS, find_task_role, parse_split
from residual.errors import DataError

_RUN_FILE = "run.toml"  # what makes a folder a run
_DEEPEST = 64
_LOOKED_AT = 1000  # entries of a folder that are looked at for class folders
_MOST_READ = 64 * 2**20  # bytes of a file that is no image, such as a table of labels


class Folder:
    """A folder with what is in it.

    Args:
        path: names of the folders from the top down.

    Attributes:
        folders: by name.
        images: names of files that are images by their ending, or without a usual one by their first bytes.
        others: names of all other files.
        count: images in this folder and below.
    """

    __slots__ = ("count", "folders", "images", "others", "path")

    def __init__(self, path: tuple[str, ...] = ()):
        self.path = path
        self.folders: dict[str, Folder] = {}
        self.images: list[str] = []
        self.others: list[str] = []
        self.count = 0

    @property
    def name(self) -> str:
        """Its own name, "" for the top."""
        return self.path[-1] if self.path else ""

    def with_images(self) -> dict[str, "Folder"]:
        """The folders directly inside that have images, at any depth."""
        return {name: folder for name, folder in self.folders.items() if folder.count}

    def walk(self) -> Iterator["Folder"]:
        """This folder and all below."""
        pending = [self]
        while pending:
            folder = pending.pop()
            yield folder
            pending += folder.folders.values()


class Listing:
    """All files of a place.

    Args:
        where: the place, as the user knows it.
        separator: between the parts of a name.
        locate: a name or "" for the top -> how a person finds it.
        read: (name, bytes at most) -> the beginning of a file.

    Attributes:
        top: the folder around everything.
        passed_over: what is never data; the files in `others` are not among them.
    """

    def __init__(
        self, where: str, separator: str, locate: Callable[[str], str], read: Callable[[str, int], bytes]
    ):
        self.where, self.separator, self.read = where, separator, read
        self._locate = locate
        self.top = Folder()
        self.passed_over: list[PassedOver] = []

    def locate(self, folder: Folder) -> str:
        """How a person finds a folder."""
        return self._locate(self.separator.join(folder.path))

    def join(self, folder: Folder, name: str) -> str:
        """The whole name of a file."""
        return self.separator.join((*folder.path, name))

    def list_images(self, folder: Folder) -> list[str]:
        """Whole names of the images in a folder and below, in the order of their names part by part."""
        found = [self.join(inner, name) for inner in folder.walk() for name in inner.images]
        return sorted(found, key=lambda name: name.split(self.separator))

    def read_text(self, name: str) -> str | None:
        """The text of a file that is no image; None if it is none, or too long to be a table."""
        try:
            content = self.read(name, _MOST_READ + 1)
            return content.decode("utf-8-sig") if len(content) <= _MOST_READ else None
        except (OSError, DataError, UnicodeDecodeError):
            return None

    def add(self, folder: Folder, name: str) -> None:
        """Put a file where it belongs."""
        suffix = get_suffix(name)
        if name.startswith(".") or name.lower() in SYSTEM_FILES:
            self.passed_over.append(
                PassedOver(self.join(folder, name), HIDDEN if name.startswith(".") else SYSTEM)
            )
        elif suffix in list_suffixes() or (may_be_unnamed_image(suffix) and self._is_image(folder, name)):
            folder.images.append(name)
        else:
            folder.others.append(name)

    def _is_image(self, folder: Folder, name: str) -> bool:
        try:
            return find_format(self.read(self.join(folder, name), HEAD_BYTES)) is not None
        except (OSError, DataError):
            return False

    def finish(self) -> "Listing":
        """Leave out runs, and count images from the bottom up."""
        for folder in reversed(list(self.top.walk())):
            for name, inner in list(folder.folders.items()):
                if _RUN_FILE in inner.others:
                    self.passed_over.append(PassedOver(self.separator.join(inner.path), RUN))
                    del folder.folders[name]
                elif _held_only_runs(inner, self.separator, self.passed_over):
                    del folder.folders[name]
            folder.count = len(folder.images) + sum(inner.count for inner in folder.folders.values())
        return self

    def list_others(self, folders: Iterable[Folder]) -> list[PassedOver]:
        """Files in folders that are no images, with the reason."""
        return [
            PassedOver(self.join(folder, name), find_unread().get(get_suffix(name), OTHER))
            for folder in folders
            for name in folder.others
        ]


def _held_only_runs(folder: Folder, separator: str, passed_over: list[PassedOver]) -> bool:
    if folder.folders or folder.images or folder.others:
        return False
    start = separator.join((*folder.path, ""))
    return any(item.reason == RUN and item.name.startswith(start) for item in passed_over)


def _find_system_reason(name: str) -> str | None:
    """Why a folder is never data, by its name."""
    if name.startswith("."):
        return HIDDEN
    return SYSTEM if name.lower() in SYSTEM_FOLDERS else None


def list_folder(top: Path) -> Listing:
    """All files below a folder of the disk. Links to folders are followed, but not links inside them.

    Raises:
        OSError: for a folder that may not be listed, whose images would be missed.
    """

    def read(name: str, most: int) -> bytes:
        with open(os.path.join(top, name), "rb") as file:
            return file.read(most)

    listing = Listing(str(top), os.sep, lambda name: str(Path(top, name)), read)
    pending = [(listing.top, False)]
    while pending:
        folder, is_linked = pending.pop()
        with os.scandir(os.path.join(top, *folder.path)) as entries:
            for entry in entries:
                if not entry.is_dir():
                    if entry.is_file():
                        listing.add(folder, entry.name)
                    continue
                inner = Folder((*folder.path, entry.name))
                reason = _find_system_reason(entry.name)
                if not reason and entry.is_symlink() and (is_linked or _leads_back(entry.path)):
                    reason = LINK
                if reason or len(inner.path) > _DEEPEST:
                    listing.passed_over.append(PassedOver(os.sep.join(inner.path), reason or "too deep"))
                    continue
                folder.folders[entry.name] = inner
                pending.append((inner, is_linked or entry.is_symlink()))
    return listing.finish()


def _leads_back(link: str) -> bool:
    """Whether a link leads to a folder that it lies in."""
    target, place = os.path.realpath(link), os.path.realpath(os.path.dirname(link))
    return os.path.join(place, "").startswith(os.path.join(target, ""))


def list_names(names: Iterable[str], where: str, read: Callable[[str, int], bytes]) -> Listing:
    """The tree of names with "/" between; a name that ends in "/" is a folder.

    Args:
        names: of all members of an archive, from `clean_names`.
        where: the archive.
        read: as `Listing` takes it.
    """
    listing = Listing(where, "/", lambda name: f"{where}: {name}" if name else where, read)
    left_out: set[tuple[str, ...]] = set()
    known: dict[str, Folder | None] = {"": listing.top}
    for name in names:
        place, _, last = name.rpartition("/")
        if place not in known:
            known[place] = _find_folder(listing, place.split("/")[:_DEEPEST], left_out)
        folder = known[place]
        if folder is not None and last:
            listing.add(folder, last)
    return listing.finish()


def _find_folder(listing: Listing, path: list[str], left_out: set[tuple[str, ...]]) -> Folder | None:
    """The folder at a path, made if it is new; None inside of one that is never data."""
    folder = listing.top
    for name in path:
        inner = folder.folders.get(name)
        if inner is None:
            inner = Folder((*folder.path, name))
            reason = _find_system_reason(name)
            if reason:
                if inner.path not in left_out:
                    listing.passed_over.append(PassedOver("/".join(inner.path), reason))
                    left_out.add(inner.path)
                return None
            folder.folders[name] = inner
        folder = inner
    return folder


def list_images(folder: Path) -> list[Path]:
    """Every image file below a folder, sorted by name.

    Raises:
        OSError: for a folder that may not be listed.
    """
    listing = list_folder(folder)
    return [folder / name for name in listing.list_images(listing.top)]


def has_class_folders(folder: Path, depth: int = 1) -> bool:
    """Whether a folder has class folders, itself or in a folder of a split; a look at its first entries."""
    with os.scandir(folder) as entries:
        inner = [entry for entry in itertools.islice(entries, _LOOKED_AT) if entry.is_dir()]
    inner = [entry for entry in inner if not _find_system_reason(entry.name)]
    classes = [
        entry for entry in inner if parse_split(entry.name)[0] is None and find_task_role(entry.name) is None
    ]
    if len(classes) > 1:
        return True
    return depth > 0 and any(has_class_folders(Path(entry.path), depth - 1) for entry in inner)
