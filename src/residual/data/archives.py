"""What archives of images have in common: names that stay inside, and members that are no larger than they may be."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from residual.data.limits import MOST_BYTES
from residual.errors import DataError


def clean_names(names: Iterable[str], where: str) -> dict[str, str]:
    """{name without "." and double slashes: name as it stands in the archive}; of folders the name ends in "/".

    Raises:
        DataError: if a name leads out of the archive.
    """
    cleaned = {}
    for name in names:
        if name.startswith(("/", "\\")) or (".." in name and ".." in name.replace("\\", "/").split("/")):
            raise DataError(
                f"{where} holds {name!r}, a path that leads out of the archive: refused. Pack it without."
            )
        if "//" in name or "./" in name or name.endswith("."):
            cleaned["/".join(PurePosixPath(name).parts) + "/" * name.endswith("/")] = name
        else:
            cleaned[name] = name
    return cleaned


def check_member_size(size: int, where: str) -> None:
    """DataError if a member would be larger than an image file may be."""
    if size > MOST_BYTES:
        raise DataError(
            f"{where} would unpack to {size / 1024**2:,.0f} MiB, more than an image may: "
            f"{MOST_BYTES // 1024**2} MiB."
        )
