"""Where the images are, as the user said it: a path, a name or an address, and options behind "::"."""

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from residual.errors import DataError

_HEAD = 512
_ZIP = b"PK\x03\x04"
_MAGIC = {
    b"\x89HDF\r\n\x1a\n": "hdf5",
    b"PAR1": "parquet",
    **dict.fromkeys((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"), "packed"),
}
OPTIONS = "::"  # data.h5::images=x,labels=y


@dataclass(frozen=True)
class Location:
    """Where the images are.

    Attributes:
        address: as the user wrote it, without the options.
        options: what stood behind "::".
        path: the file or folder; None if there is none.
        name: the data's name in `named.NAMES`, or "" if a path was given.
    """

    address: str
    options: dict[str, str] = field(default_factory=dict)
    path: Path | None = None
    name: str = ""

    @property
    def file(self) -> Path:
        """The path, for readers that match only if there is one."""
        assert self.path is not None
        return self.path

    def is_folder(self) -> bool:
        """Whether there is a folder at the path."""
        return self.path is not None and os.path.isdir(self.path)

    def is_file(self, *suffixes: str) -> bool:
        """Whether the path is there, is no folder, and ends in one of `suffixes`; capitals do not matter."""
        path = self.path
        if path is None or not path.name.lower().endswith(suffixes):
            return False
        return os.path.exists(path) and not os.path.isdir(path)

    @cached_property
    def kind(self) -> str:
        """What a file is by its first bytes: "zip", "npz", "hdf5", "parquet", "tar", "packed", or "".

        "packed" is one stream of gzip, bzip2 or xz; "" means that they say nothing.
        """
        path = self.path
        if path is None or not os.path.isfile(path):
            return ""
        try:
            with path.open("rb") as file:
                head = file.read(_HEAD)
        except OSError:
            return ""
        if head.startswith(_ZIP):
            length = int.from_bytes(head[26:28], "little")
            return "npz" if head[30 : 30 + length].endswith(b".npy") else "zip"
        if head[257:262] == b"ustar":
            return "tar"
        return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "")

    def is_kind(self, kind: str, *suffixes: str) -> bool:
        """Whether the file is of a kind by its content, or by its ending if the content says nothing."""
        return self.kind == kind or (not self.kind and self.is_file(*suffixes))


def expand_home(name: str | Path) -> Path:
    """A path with ~ expanded; ~somebody unknown stays as it is, and is then not found."""
    return Path(os.path.expanduser(name))


def parse_location(data: str) -> Location:
    """The path or address, and the options behind it. Nothing is looked for but the path.

    Raises:
        DataError: if the options are not like images=x,labels=y.
    """
    if os.path.exists(os.path.expanduser(data)):  # a name may hold "::" itself
        return Location(data, path=expand_home(data))
    address, _, text = data.partition(OPTIONS)
    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    if any(not (role and value) for role, _, value in pairs):
        raise DataError(f"What stands behind {OPTIONS} must be like images=x,labels=y; got {text!r}.")
    options = {role.strip(): value.strip() for role, _, value in pairs}
    return Location(address, options, None if "://" in address else expand_home(address))


def find_white(data: str) -> float | None:
    """The grey value of white that an address says, as in "photos::white=4095"; None if it does not."""
    white = parse_location(data).options.get("white")
    return None if white is None else float(white)
