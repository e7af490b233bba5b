"""Where the images are, as the user said it: a path, a name or an address, and options behind "::"."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from residual.errors import DataError

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
